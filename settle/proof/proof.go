// Package proof owns what convinces somebody who does not run a node: the Merkle tree over slots and receipts, the
// checkpoint, the witnesses' votes and certificates, and the proofs that tie a slot or a vertex to a final
// checkpoint. It leaves how the state comes about to settle/dag, and fetching proofs to settle/client.
// It keeps the part of invariant I7 that can be checked from outside: final means that more than two thirds of the
// witnesses' weight certified the checkpoint and its direct child. Everything in it is pure.
//
// A light client makes a Network from the genesis vertex and calls Verify on a Slot or Vertex.
package proof
