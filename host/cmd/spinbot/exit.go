package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/myspinbot/spinbot/sdk/client"
)

// The exit codes, as "spinbot help exit-codes" tells them.
const (
	exitOK        = 0
	exitError     = 1
	exitChanges   = 2
	exitInvalid   = 3
	exitFailed    = 4
	exitCancelled = 5
	exitAltered   = 6
	exitKey       = 7
	exitUnproven  = 8
	exitUsage     = 64
)

// usageError is a command line that makes no sense.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// Errors of which the person has been told already.
var (
	errChanges      = errors.New("changes found")
	errInvalid      = errors.New("the pipeline, or the configuration, is invalid")
	errTested       = errors.New("a test failed")
	errVerified     = errors.New("the run does not come out as it was recorded")
	errUnwell       = errors.New("something is wrong on this machine")
	errPushed       = errors.New("an agent has not taken the plugin")
	errFailed       = errors.New("the run failed")
	errCancelled    = errors.New("the run was cancelled")
	errAltered      = errors.New("the file, or its provenance, was altered")
	errUnknownKey   = errors.New("the provenance is signed with a key that is not known")
	errNoProvenance = errors.New("there is no provenance")
)

// exitCode is the one place where an error becomes an exit code.
func exitCode(err error) int {
	var usage *usageError
	var p *client.Problem
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, errChanges):
		return exitChanges
	case errors.Is(err, errInvalid):
		return exitInvalid
	case errors.Is(err, errFailed):
		return exitFailed
	case errors.Is(err, errCancelled), errors.Is(err, context.Canceled):
		return exitCancelled
	case errors.Is(err, errAltered):
		return exitAltered
	case errors.Is(err, errUnknownKey):
		return exitKey
	case errors.Is(err, errNoProvenance):
		return exitUnproven
	case errors.As(err, &p) && (p.Code == client.CodeInvalidPipeline || p.Code == client.CodeInvalidInput):
		return exitInvalid
	}
	return exitError
}

// tell says what went wrong, unless that was done where it happened.
func tell(w io.Writer, err error) error {
	for _, told := range []error{errChanges, errInvalid, errTested, errVerified, errUnwell, errPushed, errFailed, errCancelled, errAltered, errUnknownKey, errNoProvenance} {
		if errors.Is(err, told) {
			return err
		}
	}
	var usage *usageError
	switch {
	case err == nil:
	case errors.As(err, &usage):
		fmt.Fprintf(w, "spinbot: %v\nspinbot help shows the commands.\n", err)
	default:
		fmt.Fprintf(w, "spinbot: %v\n", err)
	}
	return err
}

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long: `0    done
1    an error: of the machine, of the host, of a file that is not there; a test failed; replay --verify: not the same
2    fmt -check: there are changes to make
3    the pipeline, an input of it, a test file or the configuration is invalid; nothing was run
4    the run failed
5    the run was cancelled
6    verify: the file, or its provenance, was altered
7    verify: the provenance is signed with a key that is not known
8    verify: there is no provenance
64   the command line makes no sense`,
	}
}
