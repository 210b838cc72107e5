package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/term"
)

// ErrNoTerminal says that nobody can be asked for a password.
var ErrNoTerminal = errors.New("no password given, and no terminal to ask on")

// Password asks for a password on the terminal, once a process: later calls give the same answer.
func (a *App) Password(prompt string) ([]byte, error) {
	a.prompting.Lock()
	defer a.prompting.Unlock()
	if a.password == nil {
		answer, err := a.ask(prompt)
		if err != nil {
			return nil, err
		}
		a.password = answer
	}
	return slices.Clone(a.password), nil
}

func (a *App) ask(prompt string) ([]byte, error) {
	input, ok := a.streams.In.(*os.File)
	if !ok || !isTerminal(input) {
		return nil, ErrNoTerminal
	}
	before, err := term.GetState(int(input.Fd()))
	if err != nil {
		return nil, fmt.Errorf("ask for the password: %w", err)
	}
	a.screen.prompt(clean(prompt))
	defer a.screen.prompt("\n")
	type typed struct {
		answer []byte
		err    error
	}
	answered := make(chan typed, 1)
	go func() {
		answer, err := term.ReadPassword(int(input.Fd()))
		answered <- typed{answer, err}
	}()
	select {
	case t := <-answered:
		if t.err != nil {
			return nil, fmt.Errorf("read the password: %w", t.err)
		}
		return t.answer, nil
	case <-a.stopping.Done(): // the read goes on until the process ends; the terminal must not stay without echo
		return nil, errors.Join(a.stopping.Err(), term.Restore(int(input.Fd()), before))
	}
}

// NewPassword asks for a new password, twice unless it is empty, since nobody sees what is typed.
func (a *App) NewPassword(prompt string) ([]byte, error) {
	a.prompting.Lock()
	defer a.prompting.Unlock()
	first, err := a.ask(prompt)
	if err != nil || len(first) == 0 {
		return nil, err
	}
	second, err := a.ask("once more: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, Fail("run `{command}` again and type the same twice", "the two passwords differ")
	}
	a.password = first
	return slices.Clone(first), nil
}
