package simulation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"joulepay/cmd/internal/cli"
	"joulepay/simulations/plant"
	"joulepay/simulations/report"
	"joulepay/simulations/scenario"
	"joulepay/simulations/world"
)

// engine runs scenarios.
type engine struct {
	log      *slog.Logger // hears what happens to whom, at debug
	progress func(world.Progress)
}

// run lets a scenario happen with the engine that it names.
func (e *engine) run(ctx context.Context, s *scenario.Scenario, seed uint64, files fs.FS) (*report.Summary, error) {
	expanded, err := s.Expand(seed, files)
	if err != nil {
		return nil, err
	}
	if expanded.Engine == scenario.EngineControl {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		return plant.Run(expanded, seed)
	}
	options := world.Options{Seed: seed, Progress: e.progress}
	if e.log.Enabled(ctx, slog.LevelDebug) {
		options.Trace = func(at time.Time, who, what string) { e.log.Debug(what, "at", at, "who", who) }
	}
	w, err := world.New(expanded, options)
	if err != nil {
		return nil, err
	}
	return w.Run(ctx)
}

// failed says how to come to a failure of a run again.
func failed(err error, argument string, seed uint64) error {
	if errors.Is(err, world.ErrInvariant) || errors.Is(err, world.ErrUnfinished) {
		again := fmt.Sprintf("`simulate run %s --seed %d --log-level debug` comes to the same event again", argument, seed)
		return cli.Fail(again, "seed %d: %w", seed, err)
	}
	return explained(err)
}
