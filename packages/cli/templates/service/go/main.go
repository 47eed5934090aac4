// Serves __logical__.
package main

import (
{{#database}}
	"context"
{{/database}}
	"log"

	"google.golang.org/grpc"
{{#calls}}

	calleepb "__project__/__service__/gen/__callee_path__"
{{/calls}}

	pb "__project__/__service__/gen/__own_path__"
)

func main() {
	server := grpc.NewServer()
	own := &service{}
{{#database}}
	database, err := openDatabase(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer database.Close()
	own.database = database
{{/database}}
{{#calls}}
	callee, err := dial("__callee_logical__")
	if err != nil {
		log.Fatal(err)
	}
	own.callee = calleepb.New__callee_service__Client(callee)
{{/calls}}
	pb.Register__Service__ServiceServer(server, own)
	if err := serve(server); err != nil {
		log.Fatal(err)
	}
}
