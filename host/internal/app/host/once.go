package host

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
func (r runs) Submit(ctx context.Context, sub client.Submission, owner string) (client.Run, error) {
	if sub.Key == "" {
		id, err := r.submit(ctx, sub, owner, func() (run.ID, error) { return "", nil })
		if err != nil {
			return client.Run{}, err
		}
		return r.Show(ctx, string(id))
	}
	o, err := onceOf(r.h.store, sub, owner, time.Now())
	if err != nil {
		return client.Run{}, err
	}
	id, err := o.claim(ctx, "")
	if err != nil {
		return client.Run{}, err
	}
	if id == "" || !r.made(ctx, id) {
		fresh := engine.NewID(o.now)
		_, err = r.submit(ctx, sub, owner, func() (_ run.ID, err error) {
			id, err = o.claim(ctx, fresh)
			return id, err
		})
		if err != nil && (id == "" || !r.made(ctx, id)) { // else another host was first, by a moment
			return client.Run{}, err
		}
		if id == fresh {
			return r.Show(ctx, string(id))
		}
	}
	shown, err := r.Show(ctx, string(id))
	shown.Repeated = true
	return shown, err
}

// made says whether there is a run by this id.
func (r runs) made(ctx context.Context, id run.ID) bool {
	_, err := r.h.engine.State(ctx, id)
	return !errors.Is(err, store.ErrNotFound)
}

// once is a submission with a key.
type once struct {
	keys      store.Keys
	key, body string
	now       time.Time
}

// onceOf hides the key, and the submission behind it: that may hold secrets, so what is kept of it cannot be guessed at by who does not
// have the key.
func onceOf(keys store.Keys, sub client.Submission, owner string, now time.Time) (once, error) {
	raw, err := json.Marshal(sub)
	if err != nil {
		return once{}, err
	}
	hide := func(key, text string) string {
		h := hmac.New(sha256.New, []byte(key))
		h.Write([]byte(text))
		return hex.EncodeToString(h.Sum(nil))
	}
	return once{keys, hide("owner "+owner, sub.Key), hide("key "+sub.Key, string(raw)), now}, nil
}

// claim gives the key to a run, unless it is another's, and gives whose it is; an empty id looks only.
func (o once) claim(ctx context.Context, id run.ID) (run.ID, error) {
	c, err := o.keys.Claim(ctx, o.key, store.Claim{Run: string(id), Body: o.body, Until: o.now.Add(keysFor)}, o.now)
	if err == nil && c.Run != "" && c.Body != o.body {
		err = &client.Problem{Code: client.CodeConflict, Detail: "the " + client.HeaderKey + " was used for " + c.Run + ", with another body",
			Fix: "send the same body, or another key for another run"}
	}
	return run.ID(c.Run), err
}
