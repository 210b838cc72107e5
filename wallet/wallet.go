// Package wallet owns what a machine is: its Ed25519 keys, the DID that names it, the signatures that it gives,
// and the encrypted file in which the keys rest. It leaves to others what is signed, where accounts live
// (settle) and what third parties attest about a DID (wallet/credential).
// It keeps invariant I8: every signature covers a domain tag and a network id, so it is good for one kind of
// message on one network, and nothing signs bytes that somebody else chose.
//
// Start with Create or Open for a wallet on disk, or New for one in memory; Sign and Verify for signatures.
package wallet
