package hub

import (
	"encoding/json"
	"sync"

	"github.com/myspinbot/spinbot/sdk/client"
)

// Batch is what is said at once, of one target. Many lines share it: it does not change.
type Batch struct {
	Messages []client.Message
	of       Target
	size     int

	once   sync.Once
	shared any
}

func newBatch(of Target, messages ...client.Message) *Batch {
	b := &Batch{Messages: messages, of: of}
	for _, m := range messages {
		b.size += overhead + len(m.Data)
	}
	return b
}

// Shared gives what make makes of the messages' JSON: an object, or an array when there are several. It is made once,
// for all lines.
func (b *Batch) Shared(make func(json []byte) any) any {
	b.once.Do(func() {
		var what any = b.Messages
		if len(b.Messages) == 1 {
			what = b.Messages[0]
		}
		raw, err := json.Marshal(what)
		if err != nil { // data that is no JSON: the journal holds nothing else
			raw, _ = json.Marshal(client.Message{Type: client.MessageError, RunID: b.of.ID})
		}
		b.shared = make(raw)
	})
	return b.shared
}

// from gives the part of a batch whose events have at least a number; nil: nothing is left.
func (b *Batch) from(next uint64) *Batch {
	k := 0
	for k < len(b.Messages) && b.Messages[k].Seq < next {
		k++
	}
	switch k {
	case 0:
		return b
	case len(b.Messages):
		return nil
	}
	return newBatch(b.of, b.Messages[k:]...)
}
