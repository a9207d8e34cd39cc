package volume

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/coracle-k8s/coracle/client"
	"github.com/coracle-k8s/coracle/controller"
)

// The names by which storage classes ask for volumes of this package.
const (
	// Local volumes are directories of one node.
	Local = "coracle.io/local"
	// Shared volumes are directories that all nodes see: those of one machine.
	Shared = "coracle.io/shared"
)

// deletionFinalizer keeps a volume that was made here until its data is removed,
// even if a person deletes it (KEP-2644, which gives the name).
const deletionFinalizer = "external-provisioner.volume.kubernetes.io/finalizer"

// ProvisionerName is the provisioner's name.
const ProvisionerName = "persistentvolume-provisioner"

// A ProvisionerConfig says where volumes are.
type ProvisionerConfig struct {
	// Dir is the directory for volumes, the same path on every node.
	Dir string
	// RemoveData removes a volume's directory when the volume is deleted. Nil
	// means os.RemoveAll, which is right where the nodes are of this machine.
	RemoveData func(path string) error
}

type provisioner struct {
	cfg       ProvisionerConfig
	claims    *client.Informer[*corev1.PersistentVolumeClaim]
	volumes   *client.Informer[*corev1.PersistentVolume]
	classes   *client.Informer[*storagev1.StorageClass]
	nodes     *client.Informer[*corev1.Node]
	claimKind *client.Kind[*corev1.PersistentVolumeClaim]
	nodeKind  *client.Kind[*corev1.Node]
	volKind   *client.Kind[*corev1.PersistentVolume]
	recorder  *client.Recorder
}

// NewProvisioner returns the controller that makes and deletes volumes. Its
// keys are claims, with their namespace, and volumes, without.
func NewProvisioner(c *client.Client, informers *client.Informers, cfg ProvisionerConfig, opts controller.Options) *controller.Controller {
	if cfg.RemoveData == nil {
		cfg.RemoveData = os.RemoveAll
	}
	p := &provisioner{
		cfg:       cfg,
		claims:    client.Shared[*corev1.PersistentVolumeClaim](informers),
		volumes:   client.Shared[*corev1.PersistentVolume](informers),
		classes:   client.Shared[*storagev1.StorageClass](informers),
		nodes:     client.Shared[*corev1.Node](informers),
		claimKind: client.For[*corev1.PersistentVolumeClaim](c),
		nodeKind:  client.For[*corev1.Node](c),
		volKind:   client.For[*corev1.PersistentVolume](c),
		recorder:  opts.Recorder,
	}
	ctl := controller.New(ProvisionerName, p, opts)
	controller.Watch(ctl, p.claims, controller.Self)
	controller.Watch(ctl, p.volumes, controller.Self)
	controller.Watch(ctl, p.classes, p.ofClass)
	ctl.WaitFor(p.nodes.Synced())
	return ctl
}

// ofClass are the claims that asked for a volume of a class.
func (p *provisioner) ofClass(class *storagev1.StorageClass) (keys []controller.Key) {
	for _, claim := range p.claims.List("", nil) {
		if className(claim) == class.Name && claim.Spec.VolumeName == "" {
			keys = append(keys, controller.KeyOf(claim))
		}
	}
	return keys
}

// Reconcile implements controller.Reconciler.
func (p *provisioner) Reconcile(ctx context.Context, key controller.Key) (controller.Result, error) {
	if key.Namespace == "" {
		return controller.Result{}, p.reclaim(ctx, key.Name)
	}
	claim, ok := p.claims.Get(key.Namespace, key.Name)
	if !ok || claim.DeletionTimestamp != nil || claim.Spec.VolumeName != "" {
		return controller.Result{}, nil
	}
	class, ok := p.classes.Get("", className(claim))
	if !ok || claim.Annotations[annProvisioner] != class.Provisioner {
		return controller.Result{}, nil // The binder has not asked yet.
	}
	if class.Provisioner != Local && class.Provisioner != Shared || waits(claim, class) {
		return controller.Result{}, nil
	}
	err := p.provision(ctx, claim, class)
	if err != nil {
		p.recorder.Eventf(claim, corev1.EventTypeWarning, "ProvisioningFailed", "%v", err)
	}
	return controller.Result{}, err
}

// provision makes the volume of a claim. Its name is derived from the claim, so
// making it twice is making it once.
func (p *provisioner) provision(ctx context.Context, claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) error {
	if mode(claim.Spec.VolumeMode) != corev1.PersistentVolumeFilesystem {
		return errors.New("only volumes of mode Filesystem can be provisioned")
	}
	if claim.Spec.Selector != nil {
		return errors.New("a claim with a selector cannot have a volume provisioned: a new volume has no labels")
	}
	v := p.describe(claim, class)
	if class.Provisioner == Local {
		host, err := p.hostOf(ctx, claim)
		if err != nil {
			return err
		}
		v.Spec.NodeAffinity = onlyOn(host)
	}
	_, err := p.volKind.Create(ctx, v)
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	if err == nil {
		p.recorder.Eventf(claim, corev1.EventTypeNormal, "ProvisioningSucceeded", "Successfully provisioned volume %s", v.Name)
	}
	return nil
}

func (p *provisioner) describe(claim *corev1.PersistentVolumeClaim, class *storagev1.StorageClass) *corev1.PersistentVolume {
	name := "pvc-" + string(claim.UID)
	policy := corev1.PersistentVolumeReclaimDelete
	if class.ReclaimPolicy != nil {
		policy = *class.ReclaimPolicy
	}
	create := corev1.HostPathDirectoryOrCreate
	return &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Annotations: map[string]string{annProvisioned: class.Provisioner},
			Finalizers: []string{deletionFinalizer},
		},
		Spec: corev1.PersistentVolumeSpec{
			Capacity:                      corev1.ResourceList{corev1.ResourceStorage: *claim.Spec.Resources.Requests.Storage()},
			AccessModes:                   claim.Spec.AccessModes,
			PersistentVolumeReclaimPolicy: policy,
			StorageClassName:              class.Name,
			VolumeMode:                    claim.Spec.VolumeMode,
			ClaimRef: &corev1.ObjectReference{
				APIVersion: "v1", Kind: "PersistentVolumeClaim",
				Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID,
			},
			PersistentVolumeSource: corev1.PersistentVolumeSource{
				HostPath: &corev1.HostPathVolumeSource{Path: filepath.Join(p.cfg.Dir, name), Type: &create},
			},
		},
	}
}

// hostOf is the host name of the node that the scheduler chose for a claim's
// first pod. If that node is gone, the scheduler is asked to choose again.
func (p *provisioner) hostOf(ctx context.Context, claim *corev1.PersistentVolumeClaim) (string, error) {
	name := claim.Annotations[annSelectedNode]
	if name == "" {
		return "", fmt.Errorf("a volume of one node needs volumeBindingMode WaitForFirstConsumer in storage class %s", className(claim))
	}
	if node, ok := p.nodes.Get("", name); ok {
		return cmp.Or(node.Labels[corev1.LabelHostname], node.Name), nil
	}
	if _, err := p.nodeKind.Get(ctx, "", name); !apierrors.IsNotFound(err) {
		return "", cmp.Or(err, controller.ErrRetry)
	}
	_, err := p.claimKind.Modify(ctx, claim.Namespace, claim.Name, func(live *corev1.PersistentVolumeClaim) error {
		if live.UID == claim.UID && live.Annotations[annSelectedNode] == name {
			delete(live.Annotations, annSelectedNode)
		}
		return nil
	})
	return "", errors.Join(fmt.Errorf("node %s is gone: another has to be chosen", name), err)
}

func onlyOn(host string) *corev1.VolumeNodeAffinity {
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{{
				Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{host},
			}},
		}},
	}}
}

// reclaim deletes a volume that was released, if it is one of ours and is not
// to be kept, together with its data. It also lets go of one that a person
// deletes.
func (p *provisioner) reclaim(ctx context.Context, name string) error {
	v, ok := p.volumes.Get("", name)
	if !ok || v.Status.Phase == corev1.VolumeBound || v.Status.Phase != corev1.VolumeReleased && v.DeletionTimestamp == nil {
		return nil
	}
	if by := v.Annotations[annProvisioned]; by != Local && by != Shared || v.Spec.HostPath == nil {
		return nil
	}
	if v.Spec.PersistentVolumeReclaimPolicy == corev1.PersistentVolumeReclaimDelete {
		if err := p.remove(ctx, v); err != nil {
			p.recorder.Eventf(v, corev1.EventTypeWarning, "VolumeFailedDelete", "%v", err)
			return err
		}
	} else if v.DeletionTimestamp == nil {
		return nil // It is kept until a person decides.
	}
	return unprotect(ctx, p.volKind, v, deletionFinalizer)
}

// remove deletes a volume's data, and then its object, which stays until the
// finalizer is taken away.
func (p *provisioner) remove(ctx context.Context, v *corev1.PersistentVolume) error {
	// Whoever can write a volume object must not be able to remove just any
	// directory: only the one that this provisioner gave it.
	if want := filepath.Join(p.cfg.Dir, v.Name); v.Spec.HostPath.Path != want {
		return fmt.Errorf("reclaim volume %s: its path is not %s", v.Name, want)
	}
	if err := p.cfg.RemoveData(v.Spec.HostPath.Path); err != nil {
		return fmt.Errorf("reclaim volume %s: %w", v.Name, err)
	}
	return ignoreNotFound(p.volKind.Delete(ctx, "", v.Name, client.Precondition(v.UID, "")))
}
