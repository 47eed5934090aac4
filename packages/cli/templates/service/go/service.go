package main

import (
	"context"
{{#database}}
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
{{/database}}
{{#calls}}
{{^database}}

{{/database}}
	"google.golang.org/protobuf/encoding/protojson"
{{/calls}}
{{#database}}
	"google.golang.org/protobuf/types/known/timestamppb"
{{/database}}
{{#calls}}

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
{{#database}}

	database *pgxpool.Pool
{{/database}}
{{#calls}}

	callee calleepb.__callee_service__Client
{{/calls}}
}

func (s *service) Describe(ctx context.Context, _ *pb.DescribeRequest) (*pb.DescribeResponse, error) {
{{#calls}}
{{#open_request}}
	// __callee_rpc__ asks for more than an empty request; its contract says what.
{{/open_request}}
	request := &{{#foreign_request}}requestpb{{/foreign_request}}{{^foreign_request}}calleepb{{/foreign_request}}.__callee_request_go__{}
{{#filled_request}}
	if err := protojson.Unmarshal([]byte(__request_json_string__), request); err != nil {
		return nil, err
	}
{{/filled_request}}
	answer, err := s.callee.__callee_rpc__(ctx, request)
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
{{#database}}

func (s *service) AddItem(ctx context.Context, request *pb.AddItemRequest) (*pb.AddItemResponse, error) {
	if length := utf8.RuneCountInString(request.GetName()); length < 1 || length > 100 {
		return nil, status.Error(codes.InvalidArgument, "name must have 1 to 100 characters")
	}
	rows, err := s.database.Query(ctx, "insert into items (item_id, name) values (gen_random_uuid(), $1) returning item_id::text, name, created_at", request.GetName())
	if err != nil {
		return nil, err
	}
	item, err := pgx.CollectExactlyOneRow(rows, itemOf)
	return &pb.AddItemResponse{Item: item}, err
}

func (s *service) ListItems(ctx context.Context, _ *pb.ListItemsRequest) (*pb.ListItemsResponse, error) {
	rows, err := s.database.Query(ctx, "select item_id::text, name, created_at from items order by created_at desc limit 50")
	if err != nil {
		return nil, err
	}
	items, err := pgx.CollectRows(rows, itemOf)
	return &pb.ListItemsResponse{Items: items}, err
}

func itemOf(row pgx.CollectableRow) (*pb.Item, error) {
	var item pb.Item
	var createdAt time.Time
	err := row.Scan(&item.ItemId, &item.Name, &createdAt)
	item.CreatedAt = timestamppb.New(createdAt)
	return &item, err
}
{{/database}}
