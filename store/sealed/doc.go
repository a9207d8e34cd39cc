// Package sealed encrypts values on their way into a store, and decrypts them on
// their way out. A [Store] is a [store.Store] around another:
//
//	Update(key, value) ──> "k8s:enc:aesgcm:v1:KEYNAME:" nonce ciphertext tag ──> inner store
//	Get(key)           <── tried with the key of that name                   <── inner store
//
// Rules say for which keys, by their prefix. The first provider of a rule writes, all
// of them read: so a new key is put first, values are written anew
// ([Store.Rewrite], or by whoever finds them [store.KeyValue.Stale]), and the old key is
// taken away.
//
// # What is protected
//
// Whoever gets the store's files, or a snapshot, learns the keys, the sizes and
// when values change, but not the values. AES-GCM also binds a value to its
// key, as additional data: a value that somebody puts in another key's place cannot
// be opened there. Secretbox does not know of keys and so cannot tell.
//
// # What cannot be opened
//
// [Store.Get] returns [ErrSealed], with the name of the key that is missing or
// wrong. In lists and watches, which must go on for all the others, such a
// value is empty, and the log has the reason. [Store.Check] tries all values at once.
// A value that is not sealed is readable only where the rule has [Identity].
//
// # In Kubernetes
//
// The format is that of kube-apiserver's --encryption-provider-config, so that it
// reads what we wrote and we what it wrote. There it stands between the storage of
// each resource and etcd. It also has aescbc, which does not notice when a value was
// tampered with, and KMS plugins; both are refused here.
//
// # Reading order
//
// provider.go, sealed.go, watch.go, rewrite.go.
package sealed
