// Serves __logical__.
package main

import (
	"log"

	"google.golang.org/grpc"
{{#calls}}

	calleepb "__project__/__service__/gen/__callee_path__"
{{/calls}}

	pb "__project__/__service__/gen/__own_path__"
)

func main() {
	server := grpc.NewServer()
{{#calls}}
	callee, err := dial("__callee_logical__")
	if err != nil {
		log.Fatal(err)
	}
	pb.Register__Service__ServiceServer(server, &service{callee: calleepb.New__callee_service__Client(callee)})
{{/calls}}
{{^calls}}
	pb.Register__Service__ServiceServer(server, &service{})
{{/calls}}
	if err := serve(server); err != nil {
		log.Fatal(err)
	}
}
