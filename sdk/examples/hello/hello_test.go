package main

import (
	"testing"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
)

var suite = sdktest.Suite{Cases: []sdktest.Case{{
	Type: "hello.greet", Inputs: sdk.Values{"name": "Ada", "word": "Ahoy"},
	Want: func(t testing.TB, out sdk.Values) {
		if out["text"] != "Ahoy, Ada!" {
			t.Errorf("it greets with %q", out["text"])
		}
	},
}}}

func TestPlugin(t *testing.T) { suite.Run(t, plugin) }
