// Package chaos holds no code: its tests run a fleet of real processes over a real Redis, harm it, and look whether it kept
// what it promises. A trial is one Redis, one host and three agents, each process this test's own binary started again, with
// a proxy (or a network namespace) between each of them and Redis. The host has a journal of its own and tries again what
// was lost, as the engine does; agents write down what they begin, and what took effect.
//
// A trial is made from its seed: CHAOS_SEED=n replays one. CHAOS_TRIALS says how many there are, CHAOS_PARALLEL how many at
// once, CHAOS_ONLY which scenarios by a part of their names. All but TestRealPace runs at a twentieth of the real pace.
package chaos

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/fleet"
)

// roleEnv holds the setup of a process that is no test.
const roleEnv = "CHAOS_ROLE"

// setup is what a process of a trial is told.
type setup struct {
	Role      string // host or agent
	Dir       string // where it writes what it does
	Redis     string // its address, for this process
	Namespace string
	ID        string
	Session   string
	Boot      string // of its machine
	Scale     float64
	Seed      uint64
	Die       *point // where it kills itself
	Repeat    bool   // each message goes out three times, in any order
	Jobs      []job  // of the host
}

// job is one run: the chain of attempts of one task.
type job struct {
	ID     string
	At     time.Duration // after the trial began
	First  time.Duration // how long its first attempt works
	Later  time.Duration // how long others do
	Cancel time.Duration // after it was sent; 0: it is not cancelled
}

// body is what an agent is told of an attempt.
type body struct{ For time.Duration }

// realBeat is between two beats of a real fleet.
const realBeat = 5 * time.Second

func (s setup) pace() fleet.Pace {
	return fleet.Pace{Beat: s.scaled(realBeat), Grace: s.scaled(30 * time.Second)}
}

func (s setup) scaled(d time.Duration) time.Duration { return time.Duration(float64(d) * s.Scale) }

// client is as dial makes it, at the pace of the trial.
func (s setup) client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: s.Redis, Protocol: 2, DisableIdentity: true, ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1,
		PipelinePoolSize: -1, DialTimeout: s.scaled(5 * time.Second), ReadTimeout: s.scaled(10 * time.Second), WriteTimeout: s.scaled(10 * time.Second)})
}

// term is told when somebody asks this process to end.
var term = make(chan os.Signal, 1)

func TestMain(m *testing.M) {
	redis.SetLogger(silent{})
	text := os.Getenv(roleEnv)
	if text == "" {
		os.Exit(m.Run())
	}
	var s setup
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	signal.Notify(term, syscall.SIGTERM)
	go func() { // the test has ended when nobody holds the other end
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(4)
	}()
	run := map[string]func(setup) error{"host": runHost, "agent": runAgent}[s.Role]
	if err := run(s); err != nil {
		fmt.Fprintln(os.Stderr, s.ID, err)
		os.Exit(3)
	}
	os.Exit(0)
}
