// Package objects keeps copies of the few objects that the pods of a node refer
// to, and of no others.
//
// A node may read the ConfigMaps and Secrets of its own pods only, so they are
// not watched as a kind but one by one, by name. [Watched] counts who holds each:
//
//	Hold(shop/settings) ── first ──▶ watch metadata.name=settings in shop
//	Hold(shop/settings) ─────────▶ the same watch
//	release, release   ── last  ──▶ the watch ends
//
// A pod that changes its mind about what it refers to, or ends, lets go of its
// objects; the next pod that wants them gets a fresh watch, never an old copy.
//
// In Kubernetes the kubelet's watch-based object manager does this.
package objects
