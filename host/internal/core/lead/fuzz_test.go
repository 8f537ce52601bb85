package lead

import (
	"encoding/json"
	"testing"
)

// FuzzHear: whatever another host says, both ends go on.
func FuzzHear(f *testing.F) {
	f.Add(`{"host":"b","session":1,"epoch":1,"n":1,"whole":true,"changes":[{"want":{"turn":1,"task":{"id":"x","type":"t","plugin":"p","request":{"count":1,"memory":1}}}}]}`)
	f.Add(`{"host":"a","session":1,"epoch":1,"n":2,"changes":[{"held":{"task":{"id":"x","request":{"count":-1}},"given":{"agent":"nobody","devices":["","GPU-0","GPU-0"]}}},{"took":"x"},{"done":{"id":"x","left":true}}]}`)
	f.Add(`{"leader":"a","epoch":1,"session":1,"given":[{"id":"own","turn":1}],"yield":["own","other"],"board":{"waiting":[{"id":"own"},{}]}}`)
	f.Fuzz(func(t *testing.T, raw string) {
		w := newTalk("a", "b")
		w.owners["b"].Want(whole("own"))
		var ask Ask
		var answer Answer
		if json.Unmarshal([]byte(raw), &ask) == nil {
			for range 2 {
				w.Hear(ask, w.now)
				w.Act(true, w.now)
			}
		}
		if json.Unmarshal([]byte(raw), &answer) == nil {
			w.owners["b"].Hear(answer)
			w.owners["b"].Take()
			w.owners["b"].Waiting()
		}
		w.owners["b"].Ask()
	})
}
