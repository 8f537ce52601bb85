package main

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/host/internal/core/asset"
	"github.com/myspinbot/spinbot/host/internal/core/provenance"
	"github.com/myspinbot/spinbot/host/internal/mark"
	"github.com/myspinbot/spinbot/sdk/client"
)

func (p *program) verifyCommand() *cobra.Command {
	var sidecar, keyFile string
	var printKey bool
	c := &cobra.Command{
		Use:   "verify FILE",
		Short: "Say how a file was made, and whether it is still that file",
		Long: "Looks for the signed provenance of a file: where --provenance says, in FILE" + provenance.Suffix + ", or at the host. It checks the signature and\n" +
			"the file against it, and tells who made it, of what, with what and when. See docs/provenance.md.\n\n" +
			"Exit codes: 0 the file is what its provenance says; 6 the file, or the provenance, was altered; 7 it is signed with a key that is not known;\n" +
			"8 there is no provenance.",
		Example: "  spinbot verify film/video.mp4\n  spinbot verify --print-key > studio.pem\n  spinbot verify video.mp4 --key studio.pem",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case printKey && len(args) == 0:
				return p.with(c.Context(), func(s *session) error {
					k, err := s.ProvenanceKeys(c.Context())
					fmt.Print(k.Keys)
					return err
				})
			case printKey || len(args) == 0:
				return usage("spinbot verify takes a FILE, or --print-key")
			}
			return p.verifyFile(c.Context(), args[0], sidecar, keyFile)
		},
	}
	c.Flags().StringVar(&sidecar, "provenance", "", "the `file` with the provenance; without it, FILE"+provenance.Suffix+" or what the host knows")
	c.Flags().StringVar(&keyFile, "key", "", "a `file` with the public keys that are trusted; without it, the host's")
	c.Flags().BoolVar(&printKey, "print-key", false, "print the host's public keys instead, the newest last")
	p.jsonFlag(c)
	return c
}

// verdict is what came of it. The errors are told already.
type verdict struct {
	Version   int                   `json:"version"`
	File      string                `json:"file"`
	Digest    string                `json:"digest"`
	Result    string                `json:"result"` // "genuine", "altered", "unknown key", "no provenance"
	Why       string                `json:"why,omitempty"`
	Key       string                `json:"key,omitempty"`  // that signed it
	Mark      string                `json:"mark,omitempty"` // the address that stands in the file's metadata
	Statement *provenance.Statement `json:"statement,omitempty"`

	err    error
	source mark.Source
}

func (p *program) verifyFile(ctx context.Context, path, sidecar, keyFile string) error {
	v, err := lookAt(path)
	if err != nil {
		return err
	}
	var keys []ed25519.PublicKey
	if keyFile != "" {
		raw, err := os.ReadFile(keyFile)
		if err == nil {
			keys, err = provenance.DecodeKeys(raw)
		}
		if err != nil {
			return fmt.Errorf("the keys in %s: %w", keyFile, err)
		}
	}
	raw, err := readSidecar(path, sidecar)
	if err != nil {
		return err
	}
	if raw == nil || keys == nil {
		if err := p.with(ctx, func(s *session) error {
			raw, keys, err = complete(ctx, s, v.Digest, raw, keys)
			return err
		}); err != nil {
			return err
		}
	}
	v.judge(raw, keys)
	if p.json {
		if err := printJSON(v); err != nil {
			return err
		}
		return v.err
	}
	v.tell()
	return v.err
}

// lookAt reads a file's digest and mark.
func lookAt(path string) (v verdict, err error) {
	f, err := os.Open(path)
	if err != nil {
		return v, err
	}
	defer f.Close()
	sum := sha256.New()
	size, err := io.Copy(sum, f)
	if err != nil {
		return v, err
	}
	m, _ := mark.Find(f, size)
	return verdict{Version: client.ShapeVersion, File: path, Digest: "sha256:" + hex.EncodeToString(sum.Sum(nil)), Mark: m.At, source: m.Source}, nil
}

// readSidecar reads the provenance that is named, or lies beside the file; nil: none does.
func readSidecar(path, named string) ([]byte, error) {
	f, err := os.Open(cmp.Or(named, path+provenance.Suffix))
	if named == "" && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, provenance.MaxEnvelope))
}

// complete asks the host for what is not there: the provenance, which it may not have, and the keys.
func complete(ctx context.Context, s *session, digest string, raw []byte, keys []ed25519.PublicKey) ([]byte, []ed25519.PublicKey, error) {
	if raw == nil {
		e, err := s.Provenance(ctx, digest, "")
		var no *client.Problem
		if errors.As(err, &no) && no.Code == client.CodeNotFound {
			return nil, keys, nil
		}
		if err == nil {
			raw, err = json.Marshal(e)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if keys == nil {
		k, err := s.ProvenanceKeys(ctx)
		if err == nil {
			keys, err = provenance.DecodeKeys([]byte(k.Keys))
		}
		return raw, keys, err
	}
	return raw, keys, nil
}

// judge compares the file with its provenance.
func (v *verdict) judge(raw []byte, keys []ed25519.PublicKey) {
	if raw == nil {
		v.Result, v.err, v.Why = "no provenance", errNoProvenance, "it has no provenance beside it, and the host knows none of a file with these bytes"
		if v.Mark != "" {
			v.Why += "; the mark in its metadata says that it was made as " + v.Mark + ", which anybody can write"
		}
		return
	}
	e, s, err := provenance.Read(raw)
	if err != nil {
		v.Result, v.err, v.Why = "altered", errAltered, "what lies beside it "+err.Error()
		return
	}
	v.Statement = &s
	key, err := e.Verify(keys)
	switch {
	case errors.Is(err, provenance.ErrUnknownKey):
		v.Result, v.err, v.Why = "unknown key", errUnknownKey, "its provenance "+err.Error()+" ("+e.Signatures[0].KeyID+"): get the public key from whoever made it, and give it as --key"
	case err != nil:
		v.Result, v.err, v.Why = "altered", errAltered, "its provenance "+err.Error()
	case s.Subject[0].SHA256() != v.Digest:
		v.Result, v.err, v.Why = "altered", errAltered, "its provenance is that of "+s.Subject[0].SHA256()+", and the file is "+v.Digest+": it was altered, or is another one"
	default:
		v.Result, v.Key = "genuine", provenance.KeyID(key)
	}
}

func (v *verdict) tell() {
	style := styleOf(os.Stdout)
	if v.err != nil {
		fmt.Printf("%s  %s\n%s\n", style.Bold(v.File), style.Bad(v.Result), v.Why)
		return
	}
	p := v.Statement.Predicate
	fmt.Printf("%s  %s\n", style.Bold(v.File), style.Good("genuine"))
	lines := [][2]string{{"digest", v.Digest}, {"signed with", v.Key + ", by spinbot " + p.Spinbot}, {"pipeline", p.Pipeline.Name + "  " + p.Pipeline.SHA256()},
		{"made as", p.Made}, {"submitted by", p.Owner}}
	if len(p.Steps) > 0 && !p.Steps[0].Ended.IsZero() {
		lines = append(lines, [2]string{"made", p.Steps[0].Ended.Local().Format("2 Jan 2006 15:04:05")})
	}
	if v.source != mark.Other {
		lines = append(lines, [2]string{"mark", string(v.source)})
	}
	if p.Preview {
		lines = append(lines, [2]string{"engine", "one for previews took part"})
	}
	if p.Incomplete {
		lines = append(lines, [2]string{"note", "not all of its making is known any more"})
	}
	for _, l := range lines {
		if l[1] != "" {
			fmt.Printf("  %-13s %s\n", l[0], l[1])
		}
	}
	tellSteps(p)
	tellSources(p)
}

func tellSteps(p provenance.Predicate) {
	var rows [][]cell
	for _, s := range p.Steps {
		by, where := "spinbot", s.Agent
		if s.By != nil {
			by, where = strings.TrimSpace(s.By.Plugin+" "+s.By.Version), cmp.Or(s.By.Machine, s.Agent)
		}
		if s.Engine != "" {
			by += ", " + s.Engine
		}
		if s.Preview {
			by += " (preview)"
		}
		rows = append(rows, []cell{plain(strings.TrimPrefix(s.At, p.Run+"/")), plain(s.Type), plain(by), plain(cmp.Or(where, "the host")), plain(cmp.Or(s.Set.String(), s.Seed))})
	}
	fmt.Println()
	table(os.Stdout, styleOf(os.Stdout), []string{"STEP", "TYPE", "BY", "WHERE", "SEED"}, rows)
}

// tellSources lists what was given, the nearest things first.
func tellSources(p provenance.Predicate) {
	var rows [][]cell
	for _, a := range p.Assets {
		consent := "-"
		if a.Consent != nil {
			consent = a.Consent.By + ", " + a.Consent.On + ", for " + a.Consent.For
		}
		rows = append(rows, []cell{plain(a.Name), plain(abbreviated(a.Digest["sha256"])), plain(termsOf(a.Licence)), plain(consent)})
	}
	for _, m := range p.Models {
		rows = append(rows, []cell{plain(m.Name), plain(abbreviated(m.Digest["sha256"])), plain(termsOf(m.Licence)), plain("-")})
	}
	for _, i := range p.Inputs {
		rows = append(rows, []cell{plain(cmp.Or(i.Name, "a file")), plain(abbreviated(i.Digest["sha256"])), plain("-"), plain("-")})
	}
	if len(rows) > 0 {
		fmt.Println()
		table(os.Stdout, styleOf(os.Stdout), []string{"OF", "SHA-256", "LICENCE", "CONSENT"}, rows)
	}
}

func termsOf(l asset.Licence) string {
	return licenceText(client.AssetLicence{ID: l.ID, Commercial: string(l.Commercial)})
}

func abbreviated(digest string) string { return cmp.Or(digest[:min(12, len(digest))], "-") }
