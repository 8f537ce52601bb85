// Package sdktest is the conformance suite that the author of a plugin runs against it:
//
//	func TestPlugin(t *testing.T) {
//		sdktest.Suite{Cases: []sdktest.Case{
//			{Type: "hello.greet", Inputs: sdk.Values{"name": "Ada"}},
//			{Type: "hello.greet", Inputs: sdk.Values{"name": ""}, Fails: "no name"},
//		}}.Run(t, plugin)
//	}
//
// The plugin is asked over the protocol that hosts speak. The suite checks that its manifest can be used and explains
// itself, that inputs which do not fit are refused without a panic, and for every case that its outputs keep what
// the node type promises, also when several run at once, and that it stops when it is told to. What the cases left
// loaded must then be listed by Resident and freed by Unload, and Installed name each thing once, where the plugin has them. Use go test -race: data races
// are found by that alone. With -short each case runs once, for nodes whose work is dear.
package sdktest

import (
	"testing"
	"time"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/wire"
)

// Suite says what a plugin is tried with. The zero Suite tries everything that needs no case.
type Suite struct {
	// Config is what the plugin's block in spinbot.hcl would hold.
	Config sdk.Values
	Cases  []Case
}

// Case is one task, and how it must end.
type Case struct {
	// Name of the subtest; the node type's when empty.
	Name string
	// Type is the node type.
	Type   string
	Inputs sdk.Values
	// Task changes the task before it is run, to give it devices or a checkpoint; may be nil.
	Task func(*sdk.Task)
	// Fails is text that the failure's message holds. Empty: the task must succeed.
	Fails string
	// Want looks at the outputs of the first run, while their files are still there; may be nil.
	Want func(t testing.TB, outputs sdk.Values)
}

// effort is how hard a suite tries.
type effort struct {
	once     bool          // each case once, and no more
	patience time.Duration // how long a cancelled task may take to return
}

func usual() effort { return effort{testing.Short(), 5 * time.Second} }

// Run tests p within this process.
func (s Suite) Run(t testing.TB, p sdk.Plugin) {
	t.Helper()
	s.run(t, p, usual())
}

func (s Suite) run(t testing.TB, p sdk.Plugin, e effort) {
	t.Helper()
	sub(t, "manifest", func(t testing.TB) { checkManifest(t, p.Manifest()) })
	sub(t, "node types stay the same", func(t testing.TB) { checkStable(t, p) })
	if t.Failed() {
		return
	}
	c, stop, err := wire.InProcess(p)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	suite{s, c, p.Manifest(), e}.run(t)
}

// Binary starts the program at path and tests it from outside.
func (s Suite) Binary(t testing.TB, path string) {
	t.Helper()
	c, stop, err := wire.Start(path, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	m, err := c.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sub(t, "manifest", func(t testing.TB) { checkManifest(t, m) })
	if t.Failed() {
		return
	}
	suite{s, c, m, usual()}.run(t)
}

// suite is a Suite at work on one plugin.
type suite struct {
	Suite
	client   *wire.Client
	manifest sdk.Manifest
	effort
}

func (s suite) run(t testing.TB) {
	t.Helper()
	if s.manifest.ConfigSchema != nil {
		sub(t, "configure", s.configure)
	}
	for _, nt := range s.manifest.NodeTypes {
		sub(t, nt.Name+" refuses what does not fit", func(t testing.TB) { s.misfits(t, nt) })
	}
	for _, c := range s.Cases {
		if c.Name == "" {
			c.Name = c.Type
		}
		sub(t, c.Name, func(t testing.TB) { s.try(t, c) })
	}
	if s.manifest.Installed {
		sub(t, "installed", s.installed)
	}
	if s.manifest.Resident || s.manifest.Unload {
		sub(t, "residency", s.residency)
	}
}

func (s suite) configure(t testing.TB) {
	if err := s.client.Configure(t.Context(), s.Config); err != nil {
		t.Errorf("Configure refused the suite's Config: %v", err)
	}
}

// sub runs fn as a subtest where there are such.
func sub(t testing.TB, name string, fn func(testing.TB)) {
	t.Helper()
	if test, ok := t.(*testing.T); ok {
		test.Run(name, func(t *testing.T) { fn(t) })
		return
	}
	fn(t)
}
