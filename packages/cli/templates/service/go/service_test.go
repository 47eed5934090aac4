package main

import (
	"context"
	"testing"
{{#calls}}

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	calleepb "__project__/__service__/gen/__callee_path__"
{{/calls}}

	pb "__project__/__service__/gen/__own_path__"
)

{{#calls}}
// callee answers every call with an empty response, or with an error.
type callee struct {
	grpc.ClientConnInterface
	err error
}

func (c callee) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	return c.err
}

func TestDescribe(t *testing.T) {
	service := &service{callee: calleepb.New__callee_service__Client(callee{})}
	answer, err := service.Describe(context.Background(), &pb.DescribeRequest{})
	if err != nil || answer.GetText() != "__callee_logical__ answered {}" {
		t.Fatalf("%v, %v", answer, err)
	}
}

func TestDescribeWithoutCallee(t *testing.T) {
	away := status.Error(codes.Unavailable, "its own words")
	service := &service{callee: calleepb.New__callee_service__Client(callee{err: away})}
	_, err := service.Describe(context.Background(), &pb.DescribeRequest{})
	if status.Code(err) != codes.Unavailable || status.Convert(err).Message() != "__callee_logical__ failed" {
		t.Fatal(err)
	}
}
{{/calls}}
{{^calls}}
func TestDescribe(t *testing.T) {
	answer, err := (&service{}).Describe(context.Background(), &pb.DescribeRequest{})
	if err != nil || answer.GetText() != "__service__ serves" {
		t.Fatalf("%v, %v", answer, err)
	}
}
{{/calls}}
