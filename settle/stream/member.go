package stream

import "context"

// Member is one node's way to a Memory that several share: it appends to the incarnation that it has last seen, and it
// can be cut off alone. It is safe for concurrent use.
type Member struct {
	log  *Memory
	seen Incarnation // guarded by the log's lock, as what follows
	down bool
}

var _ Log = (*Member)(nil)

// Join gives another node's way to the log.
func (m *Memory) Join() *Member { return &Member{log: m} }

// SetDown cuts this member off, so that every call of it fails with ErrUnavailable, or ends that.
func (p *Member) SetDown(down bool) {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	p.down = down
	p.log.wake()
}

// Head implements Log.
func (p *Member) Head(context.Context) (Position, error) {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	if p.down || p.log.down {
		return Position{}, ErrUnavailable
	}
	p.seen = p.log.current
	return p.log.head(), nil
}

// Append implements Log.
func (p *Member) Append(_ context.Context, bundle []byte) (Position, error) {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	switch {
	case p.down || p.log.down:
		return Position{}, ErrUnavailable
	case p.seen == Incarnation{}:
		p.seen = p.log.current
	case p.seen != p.log.current:
		return Position{}, ErrIncarnation
	}
	return p.log.append(bundle)
}

// AppendAll implements Log.
func (p *Member) AppendAll(ctx context.Context, bundles [][]byte) ([]Position, error) {
	return appendEach(ctx, bundles, p.Append)
}

// Read implements Log.
func (p *Member) Read(ctx context.Context, after Position, deliver func(Delivery) error) error {
	return p.log.read(ctx, after, deliver, func() bool { return p.down })
}

// Renew implements Log.
func (p *Member) Renew(_ context.Context, old Incarnation) (Position, error) {
	p.log.mu.Lock()
	defer p.log.mu.Unlock()
	if p.down {
		return Position{}, ErrUnavailable
	}
	start, err := p.log.renew(old)
	if err == nil {
		p.seen = start.Incarnation
	}
	return start, err
}
