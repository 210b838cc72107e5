package cli

import (
	"errors"
	"fmt"
	"strings"
)

// ErrNoScreen says that a secret has nowhere to be shown: standard output is a file or a pipe, which keep what they get.
var ErrNoScreen = errors.New("standard output is no terminal: a secret is shown to eyes only")

// OnTerminal tells whether standard output is a terminal.
func (a *App) OnTerminal() bool { return isTerminal(a.streams.Out) }

// Reveal shows a secret on the terminal that standard output is, once. It goes through no log and no JSON.
func (a *App) Reveal(lines ...string) error {
	if !a.OnTerminal() || a.global.json {
		return ErrNoScreen
	}
	return a.write([]byte(strings.Join(lines, "\n") + "\n"))
}

// Secret asks for a secret on the terminal, without showing what is typed. It is not remembered, as a password is.
func (a *App) Secret(prompt string) (string, error) {
	a.prompting.Lock()
	defer a.prompting.Unlock()
	answer, err := a.ask(prompt)
	if err != nil {
		return "", fmt.Errorf("ask for a secret: %w", err)
	}
	return string(answer), nil
}
