package retention

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// consent is what a person was told, or asked for: from Due on, runs that ended longer than Runs ago may go by
// themselves. It lies in a file; without one, nobody was told anything.
type consent struct {
	Runs time.Duration
	Due  time.Time
}

type consentFile struct {
	Version int       `json:"version"`
	Runs    string    `json:"runs"`
	Due     time.Time `json:"due"`
}

// covers says whether the policy takes away no more than was told.
func (c consent) covers(p Policy) bool { return !c.Due.IsZero() && p.Runs >= c.Runs }

// readConsent gives none where the file is absent or makes no sense: then it is asked for again.
func readConsent(path string) (consent, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return consent{}, nil
	}
	if err != nil {
		return consent{}, err
	}
	var f consentFile
	if json.Unmarshal(raw, &f) != nil || f.Version != 1 {
		return consent{}, nil
	}
	d, err := time.ParseDuration(f.Runs)
	if err != nil {
		return consent{}, nil
	}
	return consent{d, f.Due}, nil
}

// write puts the file in its place whole.
func (c consent) write(path string) error {
	raw, err := json.Marshal(consentFile{1, c.Runs.String(), c.Due.UTC()})
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(raw, '\n'))
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("retention: %w", err)
	}
	return nil
}
