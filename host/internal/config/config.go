// Package config owns spinbot.hcl, the configuration of a host: what may stand in it, and what it says. Its keys are the
// twins of the command line's flags, which it is told of; its blocks are its own. What is wrong comes as diagnostics with
// places, all at once. It refuses references, and every function but env and, in a plugin's block and the headers of tracing, secret. It resolves
// no secret by itself and prints none.
package config

import (
	"net/netip"
	"time"

	"github.com/myspinbot/spinbot/host/internal/config/hours"
	"github.com/myspinbot/spinbot/host/internal/config/plugin"
	"github.com/myspinbot/spinbot/host/internal/config/value"
	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/diagnostic"
	"github.com/myspinbot/spinbot/host/internal/gpu"
)

// Config is what a file says, with the defaults of what it leaves out.
type Config struct {
	// File is the path that was read; empty when there was none.
	File string
	// Settings are the values of keys, by key.
	Settings map[string]Setting
	// Devices are those written down, in the order of the file; one with a count stands for itself that many times.
	Devices   []gpu.Written
	Plugins   []*plugin.Block // by name, each once
	Reclaim   Reclaim
	Hours     []hours.Weekly // none: devices may be used at any time
	Quotas    []Quota        // at most one of each user
	Engines   []Engine
	Placement Placement
	Bill      Bill
	Search    Search
	Auth      Auth
	Tracing   *Tracing // nil: what the environment says
	Models    []Models // none: this machine does not say which model files it has
	Sources   []Source // of model files, by name
	// Licences are those of models, by name: of a file, or the plugin's, a slash, and what the input model or engine says.
	Licences map[string]asset.Licence
	// Entries are the values of all blocks but the plugins', for people: in the order of the file, defaults included.
	Entries []value.Entry
}

// Setting is the value of a key.
type Setting struct {
	// Values are what the flag is given: one text, or several for a flag that may be repeated.
	Values []string
	Range  diagnostic.Range
}

// Policy is what happens to a task when a foreign program takes its device.
type Policy string

// The policies.
const (
	Finish Policy = "finish" // the task ends as it would; no other begins
	Park   Policy = "park"   // it stops where it can go on later; one that cannot finishes
	Cancel Policy = "cancel" // it is put back into the queue
	Off    Policy = "off"    // foreign use is measured, and nothing done about it
)

// Reclaim says how devices are given to the other programs of the machine's owner.
type Reclaim struct {
	Policy Policy // Off when the file has no reclaim block
	// Memory in bytes that foreign programs hold before a device counts as taken.
	Memory int64
	// After is how long they must have held it; Return, how long it must be free again before it is used again.
	After, Return time.Duration
}

// Quota bounds what the tasks of one user hold at a time.
type Quota struct {
	User    string // "*": everybody who has none of his own
	Devices int    // 0: no bound
	Memory  int64  // bytes over all devices; 0: no bound
}

// QuotaOf finds the quota of a user: his own, else everybody's.
func QuotaOf(quotas []Quota, user string) (q Quota, ok bool) {
	for _, x := range quotas {
		if x.User == user {
			return x, true
		}
		if x.User == everybody {
			q, ok = x, true
		}
	}
	return q, ok
}

const everybody = "*"

// Engine is an external engine that a person runs, and what it computes on.
type Engine struct {
	Name   string
	Plugin string // whose node types use it
	URL    string // http or https
	// Device is the UUID of the device of this machine that it uses; empty: it is a device of its own, with Memory bytes.
	Device string
	Memory int64
}

// Models is a folder of model files.
type Models struct {
	Name   string
	Folder string // absolute
	// Kind is of all that lies in it; empty: its sub-folders are the kinds.
	Kind string
	// Rate in bytes a second is what fetching one file may take; 0: any.
	Rate int64
	// Private: a URL may lead to a private address.
	Private bool
}

// Source is where a model file may be fetched from.
type Source struct {
	Name   string // of the file: its kind and its path
	URL    string // http or https
	Digest string // "sha256:…"
	// Auto: it is fetched when a task waits for it; else somebody has to ask.
	Auto bool
}

// Placement says how tasks are placed on devices.
type Placement struct {
	// Preempt is by how much a waiting task's priority exceeds that of a running one to take its place; 0: it never does.
	Preempt int
	// Ageing is how long a task waits for its priority to rise by one; 0: it does not rise.
	Ageing time.Duration
	// Reserve in bytes of each device's memory is given to no task.
	Reserve int64
}

// Search says how artifacts are found by what they are about.
type Search struct {
	Model string // of Ollama, that makes vectors; empty: they are found by their names alone
}

// Auth says how people sign in.
type Auth struct {
	OIDC     *OIDC // nil: with tokens alone
	Required bool  // everybody has to sign in, even before there is a token
	// Proxies are whose word of where a request is from counts.
	Proxies []netip.Prefix
	// Idle is how long a browser stays signed in without a request, Longest at the most.
	Idle, Longest time.Duration
	// Domain is whose names all see a browser's session, in lower case; empty: this host's alone.
	Domain string
}

// OIDC is a provider of OpenID Connect.
type OIDC struct {
	Issuer, ClientID, Redirect string // URLs are https, or of this machine
	// Secret is the client's, or SecretFile the path of a file with it; both empty: it has none.
	Secret, SecretFile    string
	Scopes                []string
	UserClaim, RolesClaim string
	Roles                 map[string]string // what stands in the claim, to the highest role that it gives
	Everybody             string            // the role of all others; empty: they are refused
	UnverifiedEmail       bool              // an address as user_claim counts even if the provider does not say that it is verified
}

// Default is the configuration of a host without a file.
func Default() *Config {
	c, _ := Parse("", nil, Options{})
	return c
}
