package main

import (
	"context"
{{#calls}}

	"google.golang.org/protobuf/encoding/protojson"

	calleepb "__project__/__service__/gen/__callee_path__"
{{#foreign_request}}
	requestpb "__request_go_package__"
{{/foreign_request}}
{{/calls}}

	pb "__project__/__service__/gen/__own_path__"
)

// service is __logical__.v1.__Service__Service.
type service struct {
	pb.Unimplemented__Service__ServiceServer
{{#calls}}
	callee calleepb.__callee_service__Client
{{/calls}}
}

func (s *service) Describe(ctx context.Context, _ *pb.DescribeRequest) (*pb.DescribeResponse, error) {
{{#calls}}
{{^empty_request}}
	// __callee_rpc__ asks for more than an empty request; its contract says what.
{{/empty_request}}
	answer, err := s.callee.__callee_rpc__(ctx, &{{#foreign_request}}requestpb{{/foreign_request}}{{^foreign_request}}calleepb{{/foreign_request}}.__callee_request_go__{})
	if err != nil {
		return nil, passOn(err, "__callee_logical__")
	}
	said, err := protojson.Marshal(answer)
	if err != nil {
		return nil, err
	}
	return &pb.DescribeResponse{Text: "__callee_logical__ answered " + string(said)}, nil
{{/calls}}
{{^calls}}
	return &pb.DescribeResponse{Text: "__service__ serves"}, nil
{{/calls}}
}
