// Package telemetry owns the Prometheus metrics of a host or an agent: one registry, and decorators that count what passes
// through an executor, a journal or an artifact store. It decides nothing and delays nothing.
package telemetry

import (
	"io"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"
)

// Metrics are the counters of one process. All methods are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	runs          *prometheus.CounterVec
	attempts      *prometheus.CounterVec
	taskSeconds   *prometheus.HistogramVec
	inFlight      *prometheus.GaugeVec
	wasmSeconds   prometheus.Counter
	appends       prometheus.Counter
	appendEvents  prometheus.Counter
	appendErrors  prometheus.Counter
	appendSeconds prometheus.Histogram
	storedBytes   prometheus.Counter
	servedBytes   prometheus.Counter
	requests      *prometheus.CounterVec
	reqSeconds    *prometheus.HistogramVec
	triggers      *prometheus.CounterVec
	starts        *prometheus.CounterVec
	waitSeconds   prometheus.Histogram
	used          used

	mu    sync.Mutex
	fired map[[2]string]bool // pipelines and triggers that are labels
	// billed are pipelines that are labels of what was used.
	billed map[string]bool
}

// maxTriggers is how many triggers are told apart. People name them: their names may change, but not become ever more series.
const maxTriggers = 500

// live is what the garbage collector last found in use: unlike go_memstats_heap_alloc_bytes it does not count what is only not collected yet.
var live = collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile("^/gc/heap/live:bytes$")}

var taskBuckets = []float64{.0005, .001, .005, .01, .05, .1, .5, 1, 5, 15, 60, 300, 1800, 7200}

// New makes the registry, with Go's own and the process's metrics in it.
func New(version string) *Metrics {
	m := &Metrics{
		registry:      prometheus.NewRegistry(),
		runs:          counters("runs_total", "Runs that came into a state.", "state"),
		attempts:      counters("node_attempts_total", "Attempts that ended, by node type and cause; succeeded is one.", "type", "cause"),
		taskSeconds:   histograms("task_seconds", "Time of one task in its executor.", taskBuckets, "type"),
		inFlight:      prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "spinbot", Name: "tasks_in_flight", Help: "Tasks that executors have now."}, []string{"executor"}),
		wasmSeconds:   counter("wasm_seconds_total", "Time spent in control nodes."),
		appends:       counter("journal_appends_total", "Appends made durable."),
		appendEvents:  counter("journal_events_total", "Events made durable."),
		appendErrors:  counter("journal_append_errors_total", "Appends that were refused or failed."),
		appendSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "spinbot", Name: "journal_append_seconds", Help: "Time until an append is durable.", Buckets: prometheus.ExponentialBuckets(.0001, 2, 14)}),
		storedBytes:   counter("artifact_stored_bytes_total", "Bytes taken into the artifact store."),
		servedBytes:   counter("artifact_fetched_bytes_total", "Bytes of artifacts given to tasks."),
		requests:      counters("http_requests_total", "Requests answered.", "method", "route", "status"),
		triggers:      counters("trigger_fires_total", "Fires of triggers, by what became of them: fired, skipped or refused.", "pipeline", "trigger", "outcome"),
		starts:        counters("plugin_starts_total", "Processes of plugins that began.", "plugin"),
		waitSeconds:   prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "spinbot", Name: "task_wait_seconds", Help: "Time that a task waited for its devices.", Buckets: taskBuckets}),
		fired:         map[[2]string]bool{},
		billed:        map[string]bool{},
		used:          newUsed(),
		reqSeconds:    histograms("http_request_seconds", "Time until an answer began.", prometheus.DefBuckets, "method", "route"),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "spinbot", Name: "build_info", Help: "Always 1."}, []string{"version", "go"})
	build.WithLabelValues(version, runtime.Version()).Set(1)
	m.registry.MustRegister(build, m.runs, m.attempts, m.taskSeconds, m.inFlight, m.wasmSeconds, m.appends, m.appendEvents,
		m.appendErrors, m.appendSeconds, m.storedBytes, m.servedBytes, m.requests, m.reqSeconds, m.triggers, m.starts, m.waitSeconds, m.used.seconds, m.used.joules, m.used.bytes,
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(live)), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "spinbot", Name: name, Help: help})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "spinbot", Name: name, Help: help}, labels)
}

func histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "spinbot", Name: name, Help: help, Buckets: buckets}, labels)
}

// Gauge adds a figure that is asked for at each reading.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "spinbot", Name: name, Help: help}, read))
}

// Counter adds a figure that only grows and is asked for at each reading.
func (m *Metrics) Counter(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: "spinbot", Name: name, Help: help}, read))
}

// Run counts a run that came into a state.
func (m *Metrics) Run(state string) { m.runs.WithLabelValues(state).Inc() }

// Started counts a process of a plugin that began.
func (m *Metrics) Started(plugin string) { m.starts.WithLabelValues(plugin).Inc() }

// Waited counts a task that got its devices.
func (m *Metrics) Waited(took time.Duration) { m.waitSeconds.Observe(took.Seconds()) }

// Trigger counts a fire. Beyond 500 triggers the rest are one, with the label "(other)".
func (m *Metrics) Trigger(pipeline, trigger, outcome string) {
	m.mu.Lock()
	key := [2]string{pipeline, trigger}
	if !m.fired[key] {
		if len(m.fired) < maxTriggers {
			m.fired[key] = true
		} else {
			pipeline, trigger = other, other
		}
	}
	m.mu.Unlock()
	m.triggers.WithLabelValues(pipeline, trigger, outcome).Inc()
}

// Request counts an answered request.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.reqSeconds.WithLabelValues(method, route).Observe(took.Seconds())
}

// Write gives everything in the Prometheus text form.
func (m *Metrics) Write(w io.Writer) error { return write(w, m.registry) }

// WriteOf is Write with a label agent at each figure: whose it is.
func (m *Metrics) WriteOf(w io.Writer, agent string) error {
	labelled := prometheus.NewRegistry()
	if err := prometheus.WrapRegistererWith(prometheus.Labels{"agent": agent}, labelled).Register(m.registry); err != nil {
		return err
	}
	return write(w, labelled)
}

func write(w io.Writer, from prometheus.Gatherer) error {
	families, err := from.Gather()
	if err != nil {
		return err
	}
	enc := expfmt.NewEncoder(w, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			return err
		}
	}
	return nil
}
