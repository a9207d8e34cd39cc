package podsync

import "time"

// The reasons of a container's waiting state. They are part of the API in all
// but name: people and programs look for them.
const (
	ReasonContainerCreating        = "ContainerCreating"
	ReasonPodInitializing          = "PodInitializing"
	ReasonCrashLoopBackOff         = "CrashLoopBackOff"
	ReasonErrImagePull             = "ErrImagePull"
	ReasonImagePullBackOff         = "ImagePullBackOff"
	ReasonErrImageNeverPull        = "ErrImageNeverPull"
	ReasonInvalidImageName         = "InvalidImageName"
	ReasonCreateConfigError        = "CreateContainerConfigError"
	ReasonCreateContainerError     = "CreateContainerError"
	ReasonRunContainerError        = "RunContainerError"
	ReasonPostStartHookError       = "PostStartHookError"
	ReasonContainerUnknown         = "ContainerStatusUnknown"
	ReasonCompleted                = "Completed"
	ReasonError                    = "Error"
	ReasonDeadlineExceeded         = "DeadlineExceeded"
	reasonContainersNotReady       = "ContainersNotReady"
	reasonContainersNotInit        = "ContainersNotInitialized"
	reasonPodCompleted             = "PodCompleted"
	reasonPodFailed                = "PodFailed"
	reasonReadinessGates           = "ReadinessGatesNotReady"
	messageDeadlineExceeded        = "Pod was active on the node longer than the specified deadline"
	messageLost                    = "The container could not be located when the pod was terminated"
	lostExitCode               int = 137
)

// troubleShown is how long a failure itself is shown (ErrImagePull) before the
// wait that follows it is (ImagePullBackOff).
const troubleShown = 2 * time.Second
