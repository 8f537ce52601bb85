package main

import (
	"testing"

	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/sdktest"
)

func TestPlugin(t *testing.T) {
	sdktest.Suite{Cases: []sdktest.Case{
		{Type: "painter.paint", Inputs: sdk.Values{"model": "oil", "text": "a boat"}},
		{Type: "painter.paint", Name: "another model", Inputs: sdk.Values{"model": "ink", "text": "a bird"}},
	}}.Run(t, newPlugin())
}
