package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/app/local"
	"github.com/myspinbot/spinbot/host/internal/app/progress"
	"github.com/myspinbot/spinbot/host/internal/catalog"
	"github.com/myspinbot/spinbot/host/internal/core/expr"
	"github.com/myspinbot/spinbot/host/internal/grant"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// grantInput is what the grant command was given besides the node type and the grant's name.
type grantInput struct {
	hosts, methods, names                []string
	private                              bool
	maxRequest, maxResponse, timeout, to string
}

func (p *program) grantCommand() *cobra.Command {
	var in grantInput
	c := &cobra.Command{
		Use:   "grant NODE_TYPE http|secret|kv",
		Short: "Let a control node reach beyond its sandbox, on this machine",
		Long: "A control node computes, and nothing else, but for what its node type asks for and you grant:\n\n" +
			"  http    requests to hosts that you name: --host api.example.com, --host '*.example.org:8443'. GET and HEAD unless\n" +
			"          --method says otherwise. Addresses of this machine and its networks are not reached without --private.\n" +
			"  secret  the host puts a secret into a request to one of these hosts: --name openai. The node never holds it.\n" +
			"  kv      small state, apart for each owner, pipeline and node: up to --max, 64KiB.\n\n" +
			"What is granted is added to what was granted before, in this machine's trust file, and counts from the next task\n" +
			"on. spinbot node-types shows what is asked for and what was granted.",
		Example: "  spinbot plugins grant control.http http --host api.example.com --method GET --method POST\n" +
			"  spinbot plugins grant control.http secret --name openai\n  spinbot plugins grant control.rate_limit kv",
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error { return p.grant(c.Context(), args[0], args[1], in) },
	}
	f := c.Flags()
	f.StringArrayVar(&in.hosts, "host", nil, "http: a `HOST` that may be reached; * stands for any, and gets no secret")
	f.StringArrayVar(&in.methods, "method", nil, "http: a `METHOD` that requests may have")
	f.BoolVar(&in.private, "private", false, "http: the hosts may have addresses of this machine and its networks")
	f.StringVar(&in.maxRequest, "max-request", "", "http: the largest body that is sent, such as 4MiB; 1MiB when not given")
	f.StringVar(&in.maxResponse, "max-response", "", "http: the largest body that is read; 1MiB when not given")
	f.StringVar(&in.timeout, "timeout", "", "http: how long a response may take, such as 60s; 10s when not given")
	f.StringArrayVar(&in.names, "name", nil, "secret: the `NAME` of a secret")
	f.StringVar(&in.to, "max", "", "kv: how much may be kept, such as 1MiB; 64KiB when not given")
	return c
}

func (p *program) revokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke NODE_TYPE [http|secret|kv]",
		Short:   "Take back what a control node was granted",
		Long:    "Takes a grant back, or all of a node type's. It counts from the next task on; what kv kept stays until it is granted again.",
		Example: "  spinbot plugins revoke control.http\n  spinbot plugins revoke control.http secret",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			state, err := local.At(p.stateDir)
			if err != nil {
				return err
			}
			if len(args) == 2 && !slices.Contains(grant.Names, args[1]) {
				return unknownGrant(args[1])
			}
			had := false
			_, err = catalog.ChangeGrants(state.Trust(), args[0], func(s *grant.Set) {
				had = len(args) == 1 && !s.Empty() || len(args) == 2 && s.Has(args[1])
				switch {
				case len(args) == 1:
					*s = grant.Set{}
				case args[1] == grant.HTTP:
					s.HTTP = nil
				case args[1] == grant.Secret:
					s.Secret = nil
				case args[1] == grant.KV:
					s.KV = nil
				}
			})
			if err == nil && !had {
				err = fmt.Errorf("%s had no such grant; spinbot node-types %s shows what it has", args[0], args[0])
			}
			return err
		},
	}
}

func unknownGrant(name string) error {
	return usage("there is no grant %s%s; there are %s", name, expr.DidYouMean(name, grant.Names), strings.Join(grant.Names, ", "))
}

func (p *program) grant(ctx context.Context, nodeType, name string, in grantInput) error {
	change, err := in.change(name)
	if err != nil {
		return err
	}
	state, err := local.At(p.stateDir)
	if err != nil {
		return err
	}
	asks, err := p.asks(ctx, nodeType, name)
	if err != nil {
		return err
	}
	s, err := catalog.ChangeGrants(state.Trust(), nodeType, change)
	if err != nil {
		return err
	}
	fmt.Printf("%s may use %s\n", nodeType, setText(name, s))
	if !asks {
		warn("%s does not ask for %s, so this grant does nothing until a version of it does", nodeType, name)
	}
	if name == grant.Secret && s.HTTP == nil {
		warn("it needs http too, to send the secret anywhere: %s", grant.Command(nodeType, grant.HTTP))
	}
	return nil
}

// asks says whether the node type asks for the grant; it has to exist.
func (p *program) asks(ctx context.Context, nodeType, name string) (asks bool, err error) {
	return asks, p.with(ctx, func(s *session) error {
		list, err := s.NodeTypes(ctx)
		if err != nil {
			return err
		}
		var known []string
		for _, t := range list.NodeTypes {
			if t.Name == nodeType {
				asks = slices.Contains(t.Grants, name)
				return nil
			}
			known = append(known, t.Name)
		}
		return fmt.Errorf("there is no node type %s%s (spinbot node-types lists them)", nodeType, expr.DidYouMean(nodeType, known))
	})
}

// change gives what the command does to a set.
func (in grantInput) change(name string) (func(*grant.Set), error) {
	own := map[string]bool{ // whether a flag was given, by the grant that it belongs to
		grant.HTTP:   in.hosts != nil || in.methods != nil || in.private || in.maxRequest != "" || in.maxResponse != "" || in.timeout != "",
		grant.Secret: in.names != nil,
		grant.KV:     in.to != "",
	}
	for other, given := range own {
		if given && other != name && slices.Contains(grant.Names, name) {
			return nil, usage("a flag belongs to %s, not to %s: see spinbot plugins grant --help", other, name)
		}
	}
	switch name {
	case grant.HTTP:
		return in.changeWeb()
	case grant.Secret:
		if in.names == nil {
			return nil, usage("name the secret: %s", grant.Command("NODE_TYPE", grant.Secret))
		}
		return func(s *grant.Set) {
			if s.Secret == nil {
				s.Secret = &grant.Secrets{}
			}
			s.Secret.Names = merged(s.Secret.Names, in.names)
		}, nil
	case grant.KV:
		most, err := sizeFlag("--max", in.to)
		return func(s *grant.Set) {
			if s.KV == nil {
				s.KV = &grant.Store{}
			}
			if most > 0 {
				s.KV.Max = most
			}
		}, err
	}
	return nil, unknownGrant(name)
}

func (in grantInput) changeWeb() (func(*grant.Set), error) {
	request, err := sizeFlag("--max-request", in.maxRequest)
	if err != nil {
		return nil, err
	}
	response, err := sizeFlag("--max-response", in.maxResponse)
	if err != nil {
		return nil, err
	}
	w := grant.Web{MaxRequest: request, MaxResponse: response}
	if in.timeout != "" {
		if w.Timeout, err = sdk.ParseDuration(in.timeout); err != nil || w.Timeout <= 0 {
			return nil, usage("--timeout %s: write it like 60s", in.timeout)
		}
	}
	methods := make([]string, len(in.methods))
	for i, m := range in.methods {
		methods[i] = strings.ToUpper(m)
	}
	return func(s *grant.Set) {
		if s.HTTP == nil {
			s.HTTP = &grant.Web{}
			if len(methods) == 0 {
				s.HTTP.Methods = slices.Clone(grant.DefaultMethods) // written down, so that a method added later adds
			}
		}
		h := s.HTTP
		h.Hosts, h.Methods = merged(h.Hosts, in.hosts), merged(h.Methods, methods)
		h.Private = h.Private || in.private
		h.MaxRequest, h.MaxResponse, h.Timeout = or(w.MaxRequest, h.MaxRequest), or(w.MaxResponse, h.MaxResponse), or(w.Timeout, h.Timeout)
	}, nil
}

func or[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}

func merged(old, more []string) []string {
	for _, s := range more {
		if !slices.Contains(old, s) {
			old = append(old, s)
		}
	}
	return old
}

func sizeFlag(flag, text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	n, err := sdk.ParseBytes(text)
	if err != nil || n <= 0 {
		return 0, usage("%s %s: write a size such as 4MiB", flag, text)
	}
	return n, nil
}

// setText says what a grant gives.
func setText(name string, s grant.Set) string {
	switch {
	case name == grant.HTTP && s.HTTP != nil:
		w := s.HTTP.Filled()
		return webText(w.Hosts, w.Methods, w.Private)
	case name == grant.Secret && s.Secret != nil:
		return "secret: " + strings.Join(s.Secret.Names, ", ")
	case name == grant.KV && s.KV != nil:
		return "kv: up to " + sdk.FormatSize(s.KV.Limit())
	}
	return name
}

func webText(hosts, methods []string, private bool) string {
	text := "http: " + strings.Join(methods, ", ") + " to " + strings.Join(hosts, ", ")
	if private {
		text += ", also at private addresses"
	}
	return text
}

// grantText says what a node type was granted, or what grants it.
func grantText(g client.Grant) string {
	switch {
	case !g.Granted:
		return g.Name + ": not granted: " + g.Command
	case g.Name == grant.HTTP:
		return webText(g.Hosts, g.Methods, g.Private)
	case g.Name == grant.Secret:
		return "secret: " + strings.Join(g.Secrets, ", ")
	case g.Name == grant.KV:
		return "kv: up to " + sdk.FormatSize(g.Max)
	}
	return g.Name
}

// grantsCell is a node type's grants in few words: what was granted with its hosts, what is missing, what is not asked for.
func grantsCell(style progress.Style, list []client.Grant) cell {
	var parts []string
	missing := false
	for _, g := range list {
		switch {
		case !g.Granted:
			missing = true
			parts = append(parts, g.Name+" (missing)")
		case !g.Asked:
			parts = append(parts, g.Name+" (not asked for)")
		case g.Name == grant.HTTP:
			parts = append(parts, g.Name+" "+strings.Join(g.Hosts, " "))
		case g.Name == grant.Secret:
			parts = append(parts, g.Name+" "+strings.Join(g.Secrets, " "))
		default:
			parts = append(parts, g.Name)
		}
	}
	if missing {
		return cell{strings.Join(parts, "; "), style.Bad}
	}
	return plain(strings.Join(parts, "; "))
}

func documentGrants(style progress.Style, list []client.Grant) {
	if len(list) == 0 {
		return
	}
	fmt.Println("\n" + style.Bold("Grants"))
	for _, g := range list {
		text := "  " + grantText(g)
		if !g.Asked {
			text += style.Dim(" (it does not ask for it)")
		}
		fmt.Fprintln(os.Stdout, text)
	}
}
