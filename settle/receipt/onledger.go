package receipt

import (
	"fmt"

	"joulepay/channel"
	"joulepay/settle"
	"joulepay/settle/proof"
)

// checkVertices checks that each vertex is about the channel, and its proof where it has one.
func (d *dossier) checkVertices() error {
	if len(d.evidence.Vertices) > VerticesMax {
		return errTooMany
	}
	for i, stated := range d.evidence.Vertices {
		vertex, err := d.checkVertex(stated)
		if err != nil {
			return fmt.Errorf("number %d: %w", i, err)
		}
		d.vertices = append(d.vertices, vertex)
	}
	return nil
}

func (d *dossier) checkVertex(stated Vertex) (*settle.Vertex, error) {
	vertex, err := settle.DecodeVertex(stated.Vertex)
	if err != nil {
		return nil, err
	}
	if vertex.Network() != d.network.ID {
		return nil, errOtherNetwork
	}
	if _, about := settles(vertex.Payload(), d.channel); !about {
		return nil, errOtherChannel
	}
	if err := d.checkSigner(vertex); err != nil {
		return nil, err
	}
	if len(stated.Proof) == 0 {
		return vertex, nil
	}
	p, err := proof.DecodeVertex(stated.Proof)
	if err != nil {
		return nil, err
	}
	if p.ID != vertex.ID() {
		return nil, errOtherVertex
	}
	if !p.Verdict.Accepted() {
		return nil, fmt.Errorf("%w: %s", errNotAccepted, p.Verdict)
	}
	if err := p.Verify(d.network); err != nil {
		return nil, err
	}
	d.proven++
	return vertex, nil
}

// settles tells whether a payload is about a channel, and up to where it settles the channel's lanes.
func settles(p settle.Payload, id channel.ID) (lanes channel.PerLane, about bool) {
	switch p := p.(type) {
	case *settle.Open:
		return lanes, p.Opening.ID() == id
	case *settle.TopUp:
		return lanes, p.Channel == id
	case *settle.Settle:
		return claimed(p.Claims, id)
	case *settle.Withdraw:
		return p.Signed.Withdrawal.Lanes, p.Signed.Withdrawal.Channel == id
	case *settle.CooperativeClose:
		return p.Signed.Close.Lanes, p.Signed.Close.Channel == id
	case *settle.CloseRequest:
		lanes, _ = claimed(p.Claims, id)
		return lanes, p.Signed.Request.Channel == id
	case *settle.Finalise:
		return lanes, p.Channel == id
	}
	return lanes, false
}

func claimed(claims []channel.Best, id channel.ID) (lanes channel.PerLane, about bool) {
	for _, c := range claims {
		if c.Signed.Claim.Channel == id {
			lanes[c.Signed.Claim.Lane] = c.Owed()
			about = true
		}
	}
	return lanes, about
}

// settlement gives the vertex from which on the ledger knows all claims of the session; none when nothing was
// claimed, or when no vertex here brings it that far.
func (d *dossier) settlement() (settle.VertexID, bool) {
	if d.paidFor < 0 {
		return settle.VertexID{}, false
	}
	known, owed := d.evidence.before(), d.lanes()
	for _, vertex := range d.vertices {
		lanes, _ := settles(vertex.Payload(), d.channel)
		for l := range lanes {
			known[l] = max(known[l], lanes[l])
		}
		if known[0] >= owed[0] && known[1] >= owed[1] {
			return vertex.ID(), true
		}
	}
	return settle.VertexID{}, false
}

// checkChannel verifies that witnesses certified a state of the channel which covers the claims.
func (d *dossier) checkChannel() error {
	if len(d.evidence.Channel) == 0 {
		return nil
	}
	slot, err := proof.DecodeSlot(d.evidence.Channel)
	if err != nil {
		return err
	}
	if err := slot.Verify(d.network); err != nil {
		return err
	}
	if slot.Key != settle.ChannelKey(d.channel) {
		return errOtherChannel
	}
	content, err := settle.DecodeChannel(slot.Content)
	if err != nil {
		return err
	}
	if content.Opening.ID() != d.channel {
		return errOtherChannel
	}
	known, owed := content.Maxima(), d.lanes()
	if known[0] < owed[0] || known[1] < owed[1] {
		return fmt.Errorf("%w: %s and %s, claimed %s and %s", errBelowClaims, known[0], known[1], owed[0], owed[1])
	}
	d.slot, d.certified = &slot, known
	return nil
}
