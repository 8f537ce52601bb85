package submission

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/myspinbot/spinbot/host/internal/core/run"
	"github.com/myspinbot/spinbot/host/internal/engine"
	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// keysFor is how long the key of a submission is remembered.
const keysFor = 24 * time.Hour

// Submit implements runroutes.Runs. A key is given to the id of a run before that is made: who asks again after a crash, here or at another
// host of the store, makes it, or finds it made.
func (m *Maker) Submit(ctx context.Context, sub client.Submission, owner string) (client.Run, error) {
	if sub.Key == "" {
		id, err := m.submit(ctx, sub, owner, func() (run.ID, error) { return "", nil })
		if err != nil {
			return client.Run{}, err
		}
		return m.Shown(ctx, string(id))
	}
	o, err := OnceOf(m.Store, sub, owner, time.Now())
	if err != nil {
		return client.Run{}, err
	}
	id, err := o.Claim(ctx, "")
	if err != nil {
		return client.Run{}, err
	}
	if id == "" || !m.made(ctx, id) {
		fresh := engine.NewID(o.now)
		_, err = m.submit(ctx, sub, owner, func() (_ run.ID, err error) {
			id, err = o.Claim(ctx, fresh)
			return id, err
		})
		if err != nil && (id == "" || !m.made(ctx, id)) { // else another host was first, by a moment
			return client.Run{}, err
		}
		if id == fresh {
			return m.Shown(ctx, string(id))
		}
	}
	shown, err := m.Shown(ctx, string(id))
	shown.Repeated = true
	return shown, err
}

// made says whether there is a run by this id.
func (m *Maker) made(ctx context.Context, id run.ID) bool {
	_, err := m.Engine.State(ctx, id)
	return !errors.Is(err, store.ErrNotFound)
}

// Once is a submission with a key.
type Once struct {
	keys      store.Keys
	key, body string
	now       time.Time
}

// OnceOf hides the key, and the submission behind it: that may hold secrets, so what is kept of it cannot be guessed at by who does not
// have the key.
func OnceOf(keys store.Keys, sub client.Submission, owner string, now time.Time) (Once, error) {
	raw, err := json.Marshal(sub)
	if err != nil {
		return Once{}, err
	}
	hide := func(key, text string) string {
		h := hmac.New(sha256.New, []byte(key))
		h.Write([]byte(text))
		return hex.EncodeToString(h.Sum(nil))
	}
	return Once{keys, hide("owner "+owner, sub.Key), hide("key "+sub.Key, string(raw)), now}, nil
}

// Claim gives the key to a run, unless it is another's, and gives whose it is; an empty id looks only.
func (o Once) Claim(ctx context.Context, id run.ID) (run.ID, error) {
	c, err := o.keys.Claim(ctx, o.key, store.Claim{Run: string(id), Body: o.body, Until: o.now.Add(keysFor)}, o.now)
	if err == nil && c.Run != "" && c.Body != o.body {
		err = &client.Problem{Code: client.CodeConflict, Detail: "the " + client.HeaderKey + " was used for " + c.Run + ", with another body",
			Fix: "send the same body, or another key for another run"}
	}
	return run.ID(c.Run), err
}
