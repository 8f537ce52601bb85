package runroutes

import (
	"io"
	"mime"
	"mime/multipart"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/myspinbot/spinbot/host/internal/api/route"
	"github.com/myspinbot/spinbot/sdk"
	"github.com/myspinbot/spinbot/sdk/client"
)

// Form reads a submission that is a form; ok says whether it is one. The part "pipeline" is the file, any other part with a
// file name is an artifact for the variable of that name, several are a list of them, any other is a variable's value as text. Files are streamed into
// the store.
func (s *Routes) Form(c *fiber.Ctx) (sub client.Submission, ok bool, err error) {
	kind, params, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return sub, false, nil
	}
	sub, err = s.parts(c, params["boundary"])
	return sub, true, err
}

func (s *Routes) parts(c *fiber.Ctx, boundary string) (client.Submission, error) {
	sub := client.Submission{Inputs: sdk.Values{}, Text: map[string]string{}}
	sent := s.Body(c)
	form := multipart.NewReader(io.MultiReader(sent, strings.NewReader("\r\n"), brokenOff{}), boundary) // the last line's end may be missing
	for n := 0; ; n++ {
		part, err := form.NextPart()
		if err == io.EOF { // it has said that it ends: see brokenOff
			_, _ = io.CopyN(io.Discard, sent, maxText) // what follows the form; of what is left then, route closes the connection
			return sub, nil
		}
		if err != nil {
			return sub, route.BrokeOff("the form", err)
		}
		if n == maxParts {
			return sub, route.BadRequest("the form has more than "+strconv.Itoa(maxParts)+" parts", "")
		}
		if err := s.part(c, part, &sub); err != nil {
			return sub, err
		}
	}
}

// brokenOff is what comes behind a form that has not said that it ends: the end of a body is not one, but NextPart takes it for
// one within a part's headers.
type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func (s *Routes) part(c *fiber.Ctx, part *multipart.Part, sub *client.Submission) error {
	name := part.FormName()
	if name != "pipeline" && part.FileName() != "" {
		a, err := s.keep(c.UserContext(), part, part.FileName(), part.Header.Get(fiber.HeaderContentType))
		if err != nil {
			return err
		}
		switch had := sub.Inputs[name].(type) { // several files under one name are a list
		case nil:
			sub.Inputs[name] = a
		case []any:
			sub.Inputs[name] = append(had, a)
		default:
			sub.Inputs[name] = []any{had, a}
		}
		return nil
	}
	raw, err := io.ReadAll(io.LimitReader(part, maxText+1))
	if err != nil {
		return route.BrokeOff("the form", err)
	}
	if len(raw) > maxText {
		return &client.Problem{Code: client.CodeTooLarge, Detail: "the part " + strconv.Quote(name) + " is larger than 1 MiB"}
	}
	if name == "pipeline" {
		sub.Pipeline.Name, sub.Pipeline.Text = part.FileName(), string(raw)
		return nil
	}
	sub.Text[name] = string(raw)
	return nil
}
