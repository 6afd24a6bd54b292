package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/attribute"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/concordhq/concord/rules"
)

const (
	// sampled is the part of calls that is traced where otelgrpc watches.
	sampled = 0.01
	// callTimeout and streamWorkers are those of concordd's gRPC server.
	callTimeout   = 30 * time.Second
	streamWorkers = 512
)

// interceptors are what an echo has in common with concordd: measures of each call, recovery, a deadline, a look at who
// calls, and the bounds the protos declare. concordd takes its measures by an interceptor, and has otelgrpc only where
// traces are asked for; with otelgrpc, the echo has that instead, with its measures and a part of the calls traced.
func interceptors(d *door, otel bool) ([]grpc.ServerOption, error) {
	pull, err := otelprom.New(otelprom.WithRegisterer(prometheus.NewRegistry()))
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(pull))
	options := []grpc.ServerOption{grpc.SharedWriteBuffer(true), grpc.NumStreamWorkers(streamWorkers)}
	if otel {
		traces := sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.TraceIDRatioBased(sampled)), sdktrace.WithSpanProcessor(ended{}))
		return append(options, grpc.ChainUnaryInterceptor(recovered, bounded, d.unary, checked),
			grpc.StatsHandler(otelgrpc.NewServerHandler(otelgrpc.WithTracerProvider(traces), otelgrpc.WithMeterProvider(meters)))), nil
	}
	calls, err := meters.Meter("measures").Float64Histogram("rpc.server.call.duration", metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5))
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return append(options, grpc.ChainUnaryInterceptor(counted(calls), recovered, bounded, d.unary, checked)), nil
}

// ended takes the spans of sampled calls, and drops them.
type ended struct{}

// OnStart does nothing.
func (ended) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd does nothing.
func (ended) OnEnd(sdktrace.ReadOnlySpan) {}

// Shutdown does nothing.
func (ended) Shutdown(context.Context) error { return nil }

// ForceFlush does nothing.
func (ended) ForceFlush(context.Context) error { return nil }

func counted(calls metric.Float64Histogram) grpc.UnaryServerInterceptor {
	kinds := map[string]metric.MeasurementOption{} // of the methods that the load calls; read only
	for _, m := range []string{"GetObligation", "SubmitObligation", "ReturnObligation"} {
		m = "/concord.v1.ObligationService/" + m
		kinds[m] = metric.WithAttributeSet(attribute.NewSet(attribute.String("rpc.method", m), attribute.String("rpc.response.status_code", codes.OK.String())))
	}
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
		begun := time.Now()
		answer, err := next(ctx, req)
		if kind, ok := kinds[info.FullMethod]; ok && status.Code(err) == codes.OK {
			calls.Record(ctx, time.Since(begun).Seconds(), kind)
		}
		return answer, err
	}
}

func recovered(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (answer any, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			answer, err = nil, status.Errorf(codes.Internal, "panic: %v\n%s", fault, debug.Stack())
		}
	}()
	return next(ctx, req)
}

func bounded(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callTimeout)
		defer cancel()
	}
	return next(ctx, req)
}

type principalKey struct{}

func (d *door) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	headers, _ := metadata.FromIncomingContext(ctx)
	credentials := headers.Get("authorization")
	if len(credentials) != 1 {
		return nil, status.Error(codes.Unauthenticated, "no key")
	}
	p := d.principal(credentials[0])
	if p == nil {
		return nil, status.Error(codes.Unauthenticated, "an unknown key")
	}
	return next(context.WithValue(ctx, principalKey{}, p), req)
}

func checked(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	m, ok := req.(proto.Message)
	if !ok {
		return nil, errors.New("no message")
	}
	if wrong := rules.Check(m, ""); len(wrong) > 0 {
		return nil, status.Errorf(codes.InvalidArgument, "%v", wrong)
	}
	return next(ctx, req)
}
