package runs

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/core/run/progress"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// lookBack is how many runs that went well are looked at for one in which a node really ran.
const lookBack = 5

// changed says of each instance that failed which versions of what it worked with are not those of the last run of the pipeline that went
// well.
func (r *Runs) changed(ctx context.Context, x client.Explained) error {
	if !slices.ContainsFunc(x.List, func(e client.Explanation) bool { return e.State == string(run.NodeFailed) }) {
		return nil
	}
	s, err := r.Engine.State(ctx, run.ID(x.Run))
	if err != nil {
		return err
	}
	now := map[string]*progress.Instance{}
	s.Walk(func(n *progress.Node) {
		for _, i := range n.Instances {
			if i.State == run.NodeFailed && i.Usage != nil && len(i.Usage.Versions) > 0 {
				now[s.Address(i).String()] = i
			}
		}
	})
	if len(now) == 0 {
		return nil
	}
	heads, err := r.Store.List(ctx, store.Query{Pipeline: s.Pipeline, States: []string{string(run.Succeeded)}, Before: x.Run, Limit: lookBack})
	if err != nil {
		return err
	}
	for _, head := range heads {
		good, err := r.Engine.State(ctx, run.ID(head.Run))
		if err != nil {
			return err
		}
		were := workedWith(good)
		for k := range x.List {
			i := now[x.List[k].At]
			if i == nil || were[nodeOf(i.Node)] == nil {
				continue
			}
			if what := differ(were[nodeOf(i.Node)], i.Usage.Versions); what != "" {
				x.List[k].Changed = fmt.Sprintf("since %s went well: %s", head.Run, what)
			}
			delete(now, x.List[k].At)
		}
		if len(now) == 0 {
			break
		}
	}
	return nil
}

// nodeOf names a node in all runs of its pipeline.
func nodeOf(n *progress.Node) string {
	return sdk.Address{Modules: n.Frame.Path, Node: run.StepOf(n.Name, sdk.Key{}, 0)}.String()
}

// workedWith gives the versions of what the instances of each node worked with.
func workedWith(s *progress.State) map[string]map[string]string {
	out := map[string]map[string]string{}
	s.Walk(func(n *progress.Node) {
		for _, i := range n.Instances {
			if i.Usage == nil || len(i.Usage.Versions) == 0 {
				continue
			}
			if out[nodeOf(n)] == nil {
				out[nodeOf(n)] = map[string]string{}
			}
			maps.Copy(out[nodeOf(n)], i.Usage.Versions)
		}
	})
	return out
}

// differ lists what is of another version, is new, or is not there any more.
func differ(were, are map[string]string) string {
	all := maps.Clone(were)
	maps.Copy(all, are)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		was, before := were[name]
		is, after := are[name]
		was, is = abbreviated(was), abbreviated(is)
		switch {
		case !before:
			out = append(out, fmt.Sprintf("%s %s is new", name, is))
		case !after:
			out = append(out, fmt.Sprintf("%s %s is not used any more", name, was))
		case was != is:
			out = append(out, fmt.Sprintf("%s was %s and is %s", name, was, is))
		}
	}
	return strings.Join(out, ", ")
}

// abbreviated writes a digest as people do.
func abbreviated(version string) string {
	if len(version) == 64 && strings.Trim(version, "0123456789abcdef") == "" {
		return version[:12]
	}
	return version
}
