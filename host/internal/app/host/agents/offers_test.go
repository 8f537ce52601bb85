package agents

import (
	"slices"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/host/internal/fleet"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// TestOffers: an agent gets tasks of those plugins alone that are of the version which pipelines are checked against, and
// a person is told which command mends the others.
func TestOffers(t *testing.T) {
	t.Parallel()
	v := &catalog.View{Entries: []catalog.Entry{
		{Name: "same", Version: "1.0.0", Kind: catalog.Plugin, State: catalog.Ready, Folder: "/plugins/same"},
		{Name: "other", Version: "1.1.0", Kind: catalog.Plugin, State: catalog.Ready, Folder: "/plugins/other"},
		{Name: "away", Version: "2.0.0", Kind: catalog.Plugin, State: catalog.Ready, Path: "on box3"},
		{Name: "refused", Version: "1.0.0", Kind: catalog.Plugin, State: catalog.Refused, Folder: "/plugins/refused"},
		{Name: "module", Version: "1.0.0", Kind: catalog.Module, State: catalog.Ready},
	}}
	m := fleet.Member{}
	for _, name := range []string{"same", "other", "away", "refused", "module", "unknown"} {
		m.Plugins = append(m.Plugins, protocol.Offered{Name: name, Version: "1.0.0", Manifest: sdk.Manifest{
			NodeTypes: []sdk.NodeType{{Name: name + ".two"}, {Name: name + ".one",
				Inputs: sdk.Schema{Properties: sdk.Properties{{Name: "lora", Schema: sdk.Schema{Setting: "dir"}}, {Name: "key", Schema: sdk.Schema{Setting: "account"}}}}}}},
			Settings: []string{"dir"}})
	}
	if got, want := offersOf(v, m), []string{"same.one", "same.one with dir", "same.two"}; !slices.Equal(got, want) {
		t.Errorf("it is offered %v, want %v", got, want)
	}
	var got []client.AgentPlugin
	for _, p := range m.Plugins {
		if x := offeredShape(v, p); x.Differs != "" {
			got = append(got, x)
		}
	}
	want := []client.AgentPlugin{
		{Name: "other", Version: "1.0.0", Differs: "1.1.0", Sendable: true},
		{Name: "away", Version: "1.0.0", Differs: "2.0.0"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("those that get no tasks are %+v, want %+v", got, want)
	}
}
