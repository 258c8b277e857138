package auth;

import com.countersign.v1.CheckCodeRequest;
import com.countersign.v1.CheckResult;
import com.countersign.v1.SendCodeRequest;
import com.countersign.v1.VerificationServiceGrpc;
import com.countersign.v1.VerificationServiceGrpc.VerificationServiceBlockingStub;
import com.google.protobuf.Any;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.Grpc;
import io.grpc.InsecureChannelCredentials;
import io.grpc.Metadata;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.util.Scanner;
import java.util.UUID;
import java.util.concurrent.TimeUnit;

/** An auth service that verifies phones with Countersign, in Java. It signs in the phone that it is given. */
public final class Auth {
  private final VerificationServiceBlockingStub client;

  Auth(VerificationServiceBlockingStub client) {
    this.client = client;
  }

  // BEGIN
  String sendCode(String phone) {
    var request = SendCodeRequest.newBuilder().setPhone(phone).setPurpose("login").setRequestId(newId());
    var sent = client.withDeadlineAfter(10, TimeUnit.SECONDS).sendCode(request.build());
    return sent.getVerificationId(); // keep it in the session of the login
  }

  boolean isRight(String id, String code) {
    var guess = CheckCodeRequest.newBuilder().setVerificationId(id).setPurpose("login").setCode(code);
    var checked = client.withDeadlineAfter(10, TimeUnit.SECONDS).checkCode(guess.setRequestId(newId()).build());
    return checked.getResult() == CheckResult.CHECK_RESULT_APPROVED;
  }
  // END

  private static String newId() {
    return UUID.randomUUID().toString();
  }

  /** Why a call was refused, and how long to wait before the next. */
  static String refusal(StatusRuntimeException error) throws InvalidProtocolBufferException {
    var reason = error.getMessage();
    var seconds = 0L;
    for (Any detail : StatusProto.fromThrowable(error).getDetailsList()) {
      if (detail.is(ErrorInfo.class)) reason = detail.unpack(ErrorInfo.class).getReason();
      if (detail.is(RetryInfo.class)) seconds = detail.unpack(RetryInfo.class).getRetryDelay().getSeconds();
    }
    return "refused: " + reason + ", wait " + seconds + " s";
  }

  public static void main(String[] arguments) throws InvalidProtocolBufferException {
    var environment = System.getenv();
    var address = environment.getOrDefault("COUNTERSIGN_ADDRESS", "127.0.0.1:50051");
    var channel = Grpc.newChannelBuilder(address, InsecureChannelCredentials.create()).build();
    var headers = new Metadata();
    var authorization = Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER);
    headers.put(authorization, "Bearer " + environment.getOrDefault("COUNTERSIGN_TOKEN", ""));
    var stub = VerificationServiceGrpc.newBlockingStub(channel);
    var auth = new Auth(stub.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(headers)));
    try {
      var id = auth.sendCode(arguments[0]);
      System.out.print("code: ");
      var code = new Scanner(System.in).nextLine();
      System.out.println(auth.isRight(id, code) ? "signed in" : "wrong code");
    } catch (StatusRuntimeException error) {
      System.out.println(refusal(error));
      System.exit(1);
    } finally {
      channel.shutdownNow();
    }
  }
}
