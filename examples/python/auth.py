"""An auth service that verifies phones with Countersign, in Python. It signs in the phone that it is given."""

import os
import sys
import uuid

import grpc
from countersign.v1 import verification_pb2 as pb
from countersign.v1 import verification_pb2_grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

ADDRESS = os.environ.get("COUNTERSIGN_ADDRESS", "127.0.0.1:50051")
TOKEN = os.environ.get("COUNTERSIGN_TOKEN", "")
OPTIONS = {"timeout": 10, "metadata": [("authorization", f"Bearer {TOKEN}")]}


# BEGIN
def send_code(client, phone):
    request = pb.SendCodeRequest(phone=phone, purpose="login", request_id=str(uuid.uuid4()))
    sent = client.SendCode(request, **OPTIONS)
    return sent.verification_id  # keep it in the session of the login


def is_right(client, verification_id, code):
    guess = {"verification_id": verification_id, "purpose": "login", "code": code, "request_id": str(uuid.uuid4())}
    return client.CheckCode(pb.CheckCodeRequest(**guess), **OPTIONS).result == pb.CHECK_RESULT_APPROVED
# END


def refusal(error):
    """Why a call was refused, and how many seconds to wait before the next."""
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    status = rpc_status.from_call(error)
    for detail in status.details if status else []:
        detail.Unpack(info) or detail.Unpack(retry)
    return info.reason or error.details(), retry.retry_delay.ToTimedelta().total_seconds()


def main():
    channel = grpc.insecure_channel(ADDRESS)
    client = verification_pb2_grpc.VerificationServiceStub(channel)
    try:
        verification_id = send_code(client, sys.argv[1])
    except grpc.RpcError as error:
        reason, wait = refusal(error)
        sys.exit(f"refused: {reason}, wait {wait:.0f} s")
    code = input("code: ")
    print("signed in" if is_right(client, verification_id, code) else "wrong code")


if __name__ == "__main__":
    main()
