package api

import (
	"context"
	"testing"

	"github.com/myspinbot/spinbot/host/internal/store"
	"github.com/myspinbot/spinbot/sdk/client"
)

// fakeBills knows the bill of one run that is there, and of one that was removed.
type fakeBills struct{}

func (fakeBills) RunBill(_ context.Context, id string) (client.RunBill, error) {
	user, ok := map[string]string{"run_1": "anna", "run_gone": "bo"}[id]
	if !ok {
		return client.RunBill{}, &client.Problem{Code: client.CodeNotFound, Detail: "no bill of " + id}
	}
	return client.RunBill{Version: 1, Run: id, User: user, Lines: []client.BillLine{}}, nil
}

func (fakeBills) Bill(_ context.Context, q client.BillQuery) (client.Bill, error) {
	return client.Bill{Version: 1, By: q.By, User: q.User, Since: q.Since, Until: q.Until, Pipeline: q.Pipeline, More: q.Limit, Groups: []client.BillGroup{}}, nil
}

// TestBill: everybody is told of their own runs, an admin and the machine's own user of all.
func TestBill(t *testing.T) {
	t.Parallel()
	b := start(t, nil)
	if err := b.store.Append(t.Context(), store.Append{Run: "run_1", Events: [][]byte{[]byte("{}")}, Head: &store.Head{Run: "run_1", Owner: "anna", State: "succeeded", Seq: 1}}); err != nil {
		t.Fatal(err)
	}
	var all client.Bill
	b.get(t, "/api/v1/bill").into(t, &all) // nobody signs in
	if all.By != "user" || all.User != "" {
		t.Errorf("%+v", all)
	}
	b.get(t, "/api/v1/bill?by=colour").problem(t, 400, client.CodeBadRequest, "by")
	b.get(t, "/api/v1/bill?since=yesterday").problem(t, 400, client.CodeBadRequest, "since")
	got, err := b.unix.Bill(t.Context(), client.BillQuery{By: "day", Since: "2026-01-31", Until: "2026-02-01", User: "anna", Pipeline: "film", Limit: 7})
	if err != nil || got.By != "day" || got.Since != "2026-01-31" || got.Until != "2026-02-01" || got.User != "anna" || got.Pipeline != "film" || got.More != 7 {
		t.Errorf("%+v, %v", got, err)
	}

	tokens := map[string]string{}
	for user, role := range map[string]string{"anna": "viewer", "bo": "operator", "eve": "admin"} {
		made, err := b.unix.NewToken(t.Context(), client.NewToken{Name: user, Role: role})
		if err != nil {
			t.Fatal(err)
		}
		tokens[user] = made.Text
	}
	for _, c := range []struct {
		user, path string
		status     int
		of         string // whose bill it is
	}{
		{"anna", "bill", 200, "anna"}, {"anna", "bill?user=anna", 200, "anna"}, {"anna", "bill?user=bo", 403, ""},
		{"eve", "bill", 200, ""}, {"eve", "bill?user=bo", 200, "bo"},
		{"anna", "runs/last/bill", 200, "anna"}, {"bo", "runs/run_1/bill", 403, ""}, {"bo", "runs/run_gone/bill", 200, "bo"}, {"anna", "runs/run_gone/bill", 403, ""},
		{"eve", "runs/run_gone/bill", 200, "bo"}, {"eve", "runs/run_none/bill", 404, ""},
	} {
		var told struct{ User string }
		res := b.get(t, "/api/v1/"+c.path, "Authorization: Bearer "+tokens[c.user])
		if res.status != c.status {
			t.Errorf("%s, %s: %d, want %d", c.user, c.path, res.status, c.status)
			continue
		}
		if c.status == 200 {
			res.into(t, &told)
		}
		if told.User != c.of {
			t.Errorf("%s, %s: it is %q's, want %q's", c.user, c.path, told.User, c.of)
		}
	}
	b.get(t, "/api/v1/bill").problem(t, 401, client.CodeUnauthorized, "")
}
