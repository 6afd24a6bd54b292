package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/fullstorydev/grpchan/inprocgrpc"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel/attribute"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/concordhq/concord/gen/concord/v1"
	"github.com/concordhq/concord/server/journal"
	"github.com/concordhq/concord/server/seal"
	"github.com/concordhq/concord/server/watch"
)

// telemetry is what Concord tells of itself: traces where the standard OTEL_ variables ask for them, metrics unless they
// are turned off. What is off is not there at all: no handler, no instrument, no cost.
type telemetry struct {
	traces   trace.TracerProvider
	registry *prometheus.Registry // nil: no metrics
	stop     []func(context.Context) error
	tracing  bool
	calls    metric.Float64Histogram // rate, errors and duration of every RPC; nil: no metrics
	kinds    sync.Map                // callKind → []metric.RecordOption, so that a call makes none

	batchSize, batchCommit, batchDecide, queue metric.Float64Histogram
	written                                    metric.Int64Counter
	woken                                      metric.Int64Counter
	lag, storeWrite, storeCarry                metric.Float64Histogram
	signed, published, cosigned                metric.Int64Gauge
	publishedAt                                metric.Float64Gauge
	refused                                    metric.Int64Counter
	watching                                   metric.Int64UpDownCounter
	watchEnds                                  metric.Int64Counter
}

// exporting says whether the environment asks for a signal.
func exporting(signal string) bool {
	if v, ok := os.LookupEnv("OTEL_" + signal + "_EXPORTER"); ok {
		return v != "" && v != "none"
	}
	return os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") != ""
}

func newTelemetry(ctx context.Context, config Config) (*telemetry, error) {
	t := &telemetry{traces: tracenoop.NewTracerProvider()}
	if os.Getenv("OTEL_SDK_DISABLED") == "true" {
		config.Metrics = false
	}
	about, err := resource.New(ctx, resource.WithFromEnv(), resource.WithTelemetrySDK(), resource.WithAttributes(attribute.String("service.name", "concord")))
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	if exporting("TRACES") && os.Getenv("OTEL_SDK_DISABLED") != "true" {
		exporter, err := autoexport.NewSpanExporter(ctx)
		if err != nil {
			return nil, fmt.Errorf("telemetry: traces: %w", err)
		}
		provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
		t.traces, t.tracing = provider, true
		t.stop = append(t.stop, provider.Shutdown)
	}
	if config.Metrics {
		if err := t.measure(ctx, about); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// measure sets up the metrics: always for /metrics, and pushed too where the environment asks for it.
func (t *telemetry) measure(ctx context.Context, about *resource.Resource) error {
	t.registry = prometheus.NewRegistry()
	t.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	pull, err := otelprom.New(otelprom.WithRegisterer(t.registry))
	if err != nil {
		return fmt.Errorf("telemetry: metrics: %w", err)
	}
	options := []sdkmetric.Option{sdkmetric.WithReader(pull), sdkmetric.WithResource(about)}
	if exporting("METRICS") {
		push, err := autoexport.NewMetricReader(ctx)
		if err != nil {
			return fmt.Errorf("telemetry: metrics: %w", err)
		}
		options = append(options, sdkmetric.WithReader(push))
	}
	provider := sdkmetric.NewMeterProvider(options...)
	t.stop = append(t.stop, provider.Shutdown)
	return t.instruments(provider.Meter("github.com/concordhq/concord"))
}

func (t *telemetry) instruments(m metric.Meter) error {
	var errs []error
	histogram := func(name, unit, about string, bounds ...float64) metric.Float64Histogram {
		h, err := m.Float64Histogram(name, metric.WithUnit(unit), metric.WithDescription(about), metric.WithExplicitBucketBoundaries(bounds...))
		errs = append(errs, err)
		return h
	}
	counter := func(name, about string) metric.Int64Counter {
		c, err := m.Int64Counter(name, metric.WithDescription(about))
		errs = append(errs, err)
		return c
	}
	sizes := []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 8192}
	times := []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}
	t.calls = histogram("rpc.server.call.duration", "s", "Duration of every RPC, by method and status.", times...)
	t.batchSize = histogram("concord.journal.batch.size", "{command}", "Commands decided in one turn of the writer.", sizes...)
	t.queue = histogram("concord.journal.queue.length", "{command}", "Commands that waited when a turn ended.", sizes...)
	t.batchDecide = histogram("concord.journal.decide.duration", "s", "Time a turn took to decide.", times...)
	t.batchCommit = histogram("concord.journal.commit.duration", "s", "Time a turn took to be durable.", times...)
	t.written = counter("concord.journal.events", "Events recorded.")
	t.storeWrite = histogram("concord.store.commit.duration", "s", "Time the store took for a commit, waiting for room included.", times...)
	t.storeCarry = histogram("concord.store.flush.duration", "s", "Time a generation took to reach the tables.", .1, .25, .5, 1, 2.5, 5, 10, 30, 60)
	t.woken = counter("concord.deadline.woken", "Records woken because their time had come.")
	t.watchEnds = counter("concord.watch.ends", "Watches that the service ended, by reason: too slow, or a key revoked.")
	t.lag = histogram("concord.deadline.lag", "s", "How late the first record of a turn was woken.", .001, .01, .1, 1, 10, 60, 3600, 86400)
	gauge := func(name, unit, about string) metric.Int64Gauge {
		g, err := m.Int64Gauge(name, metric.WithUnit(unit), metric.WithDescription(about))
		errs = append(errs, err)
		return g
	}
	t.signed = gauge("concord.log.signed", "{entry}", "Size of the log at the last checkpoint that was signed.")
	t.published = gauge("concord.log.published", "{entry}", "Size of the log at the newest checkpoint that was published.")
	t.cosigned = gauge("concord.log.cosigned", "{witness}", "Witnesses that have cosigned the last checkpoint.")
	t.refused = counter("concord.log.witness.failures", "Times that a witness was asked and did not cosign, by witness.")
	var err, watchErr error
	t.watching, watchErr = m.Int64UpDownCounter("concord.watch.watches", metric.WithDescription("Watches that are told what happens."))
	t.publishedAt, err = m.Float64Gauge("concord.log.published.time", metric.WithUnit("s"), metric.WithDescription("When the newest checkpoint was published, in seconds since 1970."))
	return errors.Join(append(errs, err, watchErr)...)
}

// sealer observes who signs the log.
func (t *telemetry) sealer() func(seal.Standing) {
	if t.registry == nil {
		return nil
	}
	return func(s seal.Standing) {
		ctx := context.Background()
		t.signed.Record(ctx, int64(s.Signed))
		t.published.Record(ctx, int64(s.Published))
		t.cosigned.Record(ctx, int64(s.Cosigned))
		for _, witness := range s.Refused {
			t.refused.Add(ctx, 1, metric.WithAttributes(attribute.String("witness", witness)))
		}
		t.publishedAt.Record(ctx, float64(s.PublishTime.UnixMilli())/1000)
	}
}

// grpcOption traces the calls of the gRPC server.
func (t *telemetry) grpcOption() grpc.ServerOption {
	if !t.tracing {
		return grpc.EmptyServerOption{}
	}
	return grpc.StatsHandler(otelgrpc.NewServerHandler(t.otelgrpc()...))
}

// callKind is what calls are told apart by.
type callKind struct {
	method string
	code   codes.Code
}

// unary measures a call. It stands outside of all other interceptors and sees the status as the caller does.
func (t *telemetry) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	if t.calls == nil {
		return next(ctx, req)
	}
	begun := time.Now()
	answer, err := next(ctx, req)
	t.calls.Record(ctx, time.Since(begun).Seconds(), t.kind(callKind{info.FullMethod, status.Code(err)})...)
	return answer, err
}

// stream measures a call that is a stream, from its first message to its last.
func (t *telemetry) stream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	if t.calls == nil {
		return next(srv, stream)
	}
	begun := time.Now()
	err := next(srv, stream)
	t.calls.Record(stream.Context(), time.Since(begun).Seconds(), t.kind(callKind{info.FullMethod, status.Code(err)})...)
	return err
}

func (t *telemetry) kind(k callKind) []metric.RecordOption {
	if known, ok := t.kinds.Load(k); ok {
		return known.([]metric.RecordOption)
	}
	made := []metric.RecordOption{metric.WithAttributeSet(attribute.NewSet(
		attribute.String("rpc.system.name", "grpc"),
		attribute.String("rpc.method", strings.TrimPrefix(k.method, "/")),
		attribute.String("rpc.response.status_code", k.code.String()),
	))}
	t.kinds.Store(k, made)
	return made
}

// inside traces the calls that come in over REST.
func (t *telemetry) inside(c *inprocgrpc.Channel) {
	if t.tracing {
		c.WithServerStatsHandler(otelgrpc.NewServerHandler(t.otelgrpc()...))
	}
}

func (t *telemetry) otelgrpc() []otelgrpc.Option {
	return []otelgrpc.Option{
		otelgrpc.WithTracerProvider(t.traces), otelgrpc.WithMeterProvider(metricnoop.NewMeterProvider()), otelgrpc.WithPropagators(propagation.TraceContext{}),
	}
}

// journal observes the writer.
func (t *telemetry) journal() journal.Observer {
	o := journal.Observer{}
	if _, off := t.traces.(tracenoop.TracerProvider); !off {
		tracer := t.traces.Tracer("github.com/concordhq/concord/server/journal")
		o.Start = func(ctx context.Context) (context.Context, func()) {
			ctx, span := tracer.Start(ctx, "journal turn")
			return ctx, func() { span.End() }
		}
	}
	o.Batch = func(ctx context.Context, b journal.Batch) {
		if span := trace.SpanFromContext(ctx); span.IsRecording() {
			span.SetAttributes(attribute.Int("concord.commands", b.Commands), attribute.Int("concord.events", b.Events))
		}
		if t.registry == nil {
			return
		}
		t.batchSize.Record(ctx, float64(b.Commands))
		t.queue.Record(ctx, float64(b.Waiting))
		t.batchDecide.Record(ctx, b.Decide.Seconds())
		t.batchCommit.Record(ctx, b.Commit.Seconds())
		t.written.Add(ctx, int64(b.Events))
	}
	return o
}

// clock observes the deadline worker.
func (t *telemetry) clock() func(woken int, lag time.Duration) {
	if t.registry == nil {
		return nil
	}
	return func(woken int, lag time.Duration) {
		t.woken.Add(context.Background(), int64(woken))
		t.lag.Record(context.Background(), lag.Seconds())
	}
}

// watches observes the hub.
func (t *telemetry) watches() watch.Observer {
	if t.registry == nil {
		return watch.Observer{}
	}
	return watch.Observer{
		Watches: func(change int) { t.watching.Add(context.Background(), int64(change)) },
		Ended: func(reason pb.ErrorReason) {
			t.watchEnds.Add(context.Background(), 1, metric.WithAttributes(attribute.String("reason", reason.String())))
		},
	}
}

func (t *telemetry) storeCommit(_ int, took time.Duration) {
	if t.registry != nil {
		t.storeWrite.Record(context.Background(), took.Seconds())
	}
}

func (t *telemetry) storeFlush(_ int, took time.Duration) {
	if t.registry != nil {
		t.storeCarry.Record(context.Background(), took.Seconds())
	}
}

// handler serves /metrics; nil: there is no such path.
func (t *telemetry) handler() http.Handler {
	if t.registry == nil {
		return nil
	}
	return promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{Registry: t.registry})
}

// shutdownTimeout is how long the last traces and metrics may take to leave.
const shutdownTimeout = 5 * time.Second

func (t *telemetry) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	var errs []error
	for _, stop := range t.stop {
		errs = append(errs, stop(ctx))
	}
	return errors.Join(errs...)
}
