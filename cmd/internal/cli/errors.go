package cli

import (
	"errors"
	"fmt"
	"strings"
)

// Error is a failure with what a person needs: what went wrong, and the next command to type.
type Error struct {
	Message string
	Hint    string // {program}, {command} and {did} stand for the program, the command that ran, and the wallet's DID
	Code    int    // ExitFailure when zero
	Cause   error  // for errors.Is and errors.As; may be nil
}

// Error gives the message.
func (e *Error) Error() string { return e.Message }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Fail makes an error with its hint. The format may use %w.
func Fail(hint, format string, args ...any) error { return failure(ExitFailure, hint, format, args) }

// Usage makes an error of wrong use, exit code 2, with its hint. The format may use %w.
func Usage(hint, format string, args ...any) error { return failure(ExitUsage, hint, format, args) }

// Hint adds to an error the next command to type, or gives nil for nil.
func Hint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &Error{Message: err.Error(), Hint: hint, Cause: err}
}

func failure(code int, hint, format string, args []any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Message: err.Error(), Hint: hint, Code: code, Cause: errors.Unwrap(err)}
}

// Known says what to tell people about an error that some package returns.
type Known struct {
	Err     error            // matches what errors.Is finds; or
	Match   func(error) bool // matches what it says, for errors that carry data
	Message string           // replaces the error's own text when not empty
	Hint    string           // as in Error
	Code    int              // as in Error
}

func (k Known) matches(err error) bool {
	return k.Err != nil && errors.Is(err, k.Err) || k.Match != nil && k.Match(err)
}

// Know adds to what App knows of errors. Later ones win over earlier ones, and all over the table of this package.
func (a *App) Know(known ...Known) { a.extra = append(a.extra, known...) }

// SetDID tells whose wallet is in use, so that hints can name it.
func (a *App) SetDID(did string) { a.did = did }

// explain fills in message, hint and code from the error itself, else from the tables, else from what is always true.
func (a *App) explain(err error) Error {
	out := Error{Message: err.Error(), Cause: err}
	var own *Error
	if errors.As(err, &own) {
		out.Hint, out.Code = own.Hint, own.Code
	}
	if known, found := a.lookUp(err); found && out.Hint == "" {
		out.Hint, out.Code = known.Hint, max(out.Code, known.Code)
		if known.Message != "" {
			out.Message = known.Message
		}
	}
	if out.Code == 0 {
		out.Code = ExitFailure
		if !a.entered && own == nil {
			out.Code = ExitUsage
		}
	}
	if out.Hint == "" {
		out.Hint = "`{command} --help` shows how to use it; `--log-level debug` shows more of what happens"
	}
	out.Hint = strings.NewReplacer("{program}", a.Name(), "{command}", a.current, "{did}", a.did).Replace(out.Hint)
	return out
}

func (a *App) lookUp(err error) (Known, bool) {
	for i := len(a.extra) - 1; i >= 0; i-- {
		if a.extra[i].matches(err) {
			return a.extra[i], true
		}
	}
	for _, k := range knownErrors {
		if k.matches(err) {
			return k, true
		}
	}
	return Known{}, false
}
