package fleet

import (
	"encoding/json"

	"github.com/redis/go-redis/v9"

	"github.com/myspinbot/spinbot/host/internal/core/protocol"
	"github.com/myspinbot/spinbot/sdk"
)

// Entries of streams have two fields: what they are, and that as JSON.
const (
	kindField = "k"
	dataField = "d"

	kindTask    = "task"
	kindControl = "control"
	kindResult  = "result"
	kindSaved   = "saved" // a checkpoint
	kindAnswer  = "answer"
	kindBeat    = "beat"
	kindLive    = "live"
)

// HostInfo is what agents have to know of a host.
type HostInfo struct {
	V       int    `json:"v,omitempty"` // of the messages; absent: 1. The host fills it in
	ID      string `json:"id"`
	Name    string `json:"name"`
	Version string `json:"version"`
	Key     string `json:"key"` // public: what is secret is sealed for it
	// URL and Token are for artifacts.
	URL   string `json:"url,omitempty"`
	Token string `json:"token,omitempty"`
}

// said is what a task said while it ran.
type said struct {
	ID     string     `json:"id"`
	Report sdk.Report `json:"report"`
}

func entry(stream, kind string, x any) *redis.XAddArgs {
	return &redis.XAddArgs{Stream: stream, Values: []any{kindField, kind, dataField, protocol.Append(nil, x)}}
}

// decode reads an entry. One that cannot be read is of no use to anybody.
func decode[T any](m redis.XMessage) (x T, err error) {
	text, _ := m.Values[dataField].(string)
	err = json.Unmarshal([]byte(text), &x)
	return x, err
}

func kindOf(m redis.XMessage) string {
	kind, _ := m.Values[kindField].(string)
	return kind
}
