package main

// What the mesh requires of a process, for grpc-go. Nothing here is specific to this service: you can copy it to others.

import (
	"context"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Passing these headers on continues the trace. The sidecars create the spans.
var traceHeaders = []string{"traceparent", "tracestate", "baggage"}

// How long in-flight calls may take after SIGTERM.
const drainTime = 10 * time.Second

// dial connects to another service. The sidecar knows the callee by its :authority, and retries as its contract says.
// A call made with a handler's ctx carries its deadline, its cancellation and its trace.
func dial(logicalName string) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+os.Getenv("WEFT_OUTBOUND"),
		grpc.WithAuthority(logicalName),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDisableRetry(),
		// The sidecar is on this machine, whatever HTTP_PROXY says.
		grpc.WithNoProxy(),
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, request, response any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
			return invoke(withTrace(ctx), method, request, response, conn, options...)
		}),
		grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, stream grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
			return stream(withTrace(ctx), desc, conn, method, options...)
		}),
	)
}

func withTrace(ctx context.Context) context.Context {
	incoming, _ := metadata.FromIncomingContext(ctx)
	for _, name := range traceHeaders {
		for _, value := range incoming.Get(name) {
			ctx = metadata.AppendToOutgoingContext(ctx, name, value)
		}
	}
	return ctx
}

// passOn returns the error for a call whose callee failed. The caller gets only the codes of transient failures; the callee's message is
// only logged.
func passOn(err error, callee string) error {
	log.Printf("%s: %v", callee, err)
	switch code := status.Code(err); code {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Aborted, codes.Canceled:
		return status.Errorf(code, "%s failed", callee)
	}
	return status.Errorf(codes.Internal, "%s failed", callee)
}

// serve serves where WEFT_LISTEN says, with health, until SIGTERM (which finishes in-flight calls) or SIGINT (which does not).
func serve(server *grpc.Server) error {
	checks := health.NewServer()
	healthpb.RegisterHealthServer(server, checks)

	network, address := "tcp", os.Getenv("WEFT_LISTEN")
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		network, address = "unix", path
	}
	listener, err := net.Listen(network, address)
	if err != nil {
		return err
	}

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		if <-signals == syscall.SIGTERM {
			checks.Shutdown()
			late := time.AfterFunc(drainTime, server.Stop)
			defer late.Stop()
			server.GracefulStop()
			return
		}
		server.Stop()
	}()
	if err := server.Serve(listener); err != nil {
		return err
	}
	<-stopped
	return nil
}
