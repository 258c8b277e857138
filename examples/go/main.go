// An auth service that verifies phones with Countersign, in Go. It signs in the phone that it is given.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "example.com/auth/gen/countersign/v1"
)

// BEGIN
func sendCode(ctx context.Context, client pb.VerificationServiceClient, phone string) (string, error) {
	sent, err := client.SendCode(ctx, &pb.SendCodeRequest{Phone: phone, Purpose: "login", RequestId: rand.Text()})
	return sent.GetVerificationId(), err // keep the id in the session of the login
}

func isRight(ctx context.Context, client pb.VerificationServiceClient, id, code string) (bool, error) {
	guess := &pb.CheckCodeRequest{VerificationId: id, Purpose: "login", Code: code, RequestId: rand.Text()}
	checked, err := client.CheckCode(ctx, guess)
	return checked.GetResult() == pb.CheckResult_CHECK_RESULT_APPROVED, err
}

// END

// refusal says why a call was refused, and how long to wait before the next.
func refusal(err error) (reason string, wait time.Duration) {
	reason = err.Error()
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			reason = detail.Reason
		case *errdetails.RetryInfo:
			wait = detail.RetryDelay.AsDuration()
		}
	}
	return reason, wait
}

func main() {
	address := cmp.Or(os.Getenv("COUNTERSIGN_ADDRESS"), "127.0.0.1:50051")
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	client := pb.NewVerificationServiceClient(connection)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+os.Getenv("COUNTERSIGN_TOKEN"))

	id, err := sendCode(ctx, client, os.Args[1])
	if err != nil {
		reason, wait := refusal(err)
		fmt.Printf("refused: %s, wait %.0f s\n", reason, wait.Seconds())
		os.Exit(1)
	}
	var code string
	fmt.Print("code: ")
	fmt.Scanln(&code)
	right, err := isRight(ctx, client, id, code)
	if err != nil {
		panic(err)
	}
	if !right {
		fmt.Println("wrong code")
		os.Exit(1)
	}
	fmt.Println("signed in")
}
