package operator

import (
	"errors"
	"fmt"
	"time"
)

// ErrStuck is returned when the NATS server of this process no longer takes what the node writes. It does not recover
// from a disk that was full once, so the process starts anew: nothing that was acknowledged is lost.
var ErrStuck = errors.New("operator: the embedded NATS server takes nothing any more")

// stuckAfterDefault is far above what a busy machine needs to write one bundle.
const stuckAfterDefault = 30 * time.Second

// watch waits for the end of the runner, or finds that it will never again get its vertices into the log. A broker of
// somebody else is theirs to mend: for that the runner waits.
func (n *Node) watch() {
	defer close(n.ended)
	look := time.NewTicker(n.options.stuckAfter)
	defer look.Stop()
	for before := n.Status(); ; {
		select {
		case <-n.runner.Done():
			n.err = n.runner.Err()
			return
		case <-look.C:
		}
		now := n.Status()
		if n.options.Broker != nil && before.Pending > 0 && now.Pending > 0 && now.Head.Height == before.Head.Height {
			n.err = fmt.Errorf("%w, for %s", ErrStuck, n.options.stuckAfter)
			return
		}
		before = now
	}
}
