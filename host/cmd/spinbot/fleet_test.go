package main

import (
	"testing"

	"github.com/spf13/pflag"

	"github.com/myspinbot/spinbot/host/internal/fleet/dial"
)

// TestFleetFlags: what hosts and agents are told of a Redis reaches who dials it.
func TestFleetFlags(t *testing.T) {
	t.Parallel()
	for name, register := range map[string]func(*fleetFlags, *pflag.FlagSet){"agent": (*fleetFlags).shared, "serve": (*fleetFlags).ofHost} {
		var f fleetFlags
		flags := pflag.NewFlagSet(name, pflag.ContinueOnError)
		register(&f, flags)
		err := flags.Parse([]string{"--redis", "redis+sentinel://h/m", "--redis-user", "u", "--redis-password-file", "p", "--sentinel-password-file", "s", "--fleet-name", "n"})
		if want := (dial.Config{URL: "redis+sentinel://h/m", User: "u", PasswordFile: "p", SentinelPasswordFile: "s", Namespace: "n"}); err != nil || f.dial() != want {
			t.Errorf("%s: %#v, %v", name, f, err)
		}
	}
}
