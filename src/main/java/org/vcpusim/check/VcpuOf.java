package org.vcpusim.check;

import org.vcpusim.kvm.Event;

/** Which vCPU an event of {@link LocalApics} is about. */
final class VcpuOf {
    private VcpuOf() {}

    static int event(Event event) {
        if (event instanceof Event.GuestEntered e) {
            return e.vcpu();
        }
        if (event instanceof Event.GuestExited e) {
            return e.vcpu();
        }
        if (event instanceof Event.EoiReceived e) {
            return e.vcpu();
        }
        if (event instanceof Event.InterruptAccepted e) {
            return e.vcpu();
        }
        if (event instanceof Event.InterruptRequested e) {
            return e.vcpu();
        }
        if (event instanceof Event.InterruptDiscarded e) {
            return e.vcpu();
        }
        if (event instanceof Event.InterruptAcknowledged e) {
            return e.vcpu();
        }
        if (event instanceof Event.PostedInterruptSet e) {
            return e.vcpu();
        }
        if (event instanceof Event.PostedInterruptsSynced e) {
            return e.vcpu();
        }
        if (event instanceof Event.VirtualInterruptDelivered e) {
            return e.vcpu();
        }
        if (event instanceof Event.EoiVirtualized e) {
            return e.vcpu();
        }
        if (event instanceof Event.InterruptStateLoaded e) {
            return e.vcpu();
        }
        return ofRare(event);
    }

    private static int ofRare(Event event) {
        if (event instanceof Event.TaskPriorityChanged e) {
            return e.vcpu();
        }
        if (event instanceof Event.LapicStateSet e) {
            return e.vcpu();
        }
        if (event instanceof Event.VmcsInitialised e) {
            return e.vcpu();
        }
        if (event instanceof Event.VcpuReset e) {
            return e.vcpu();
        }
        if (event instanceof Event.Vmcs02Prepared e) {
            return e.vcpu();
        }
        if (event instanceof Event.NestedExitInjected e) {
            return e.vcpu();
        }
        if (event instanceof Event.VcpuAudited e) {
            return e.vcpu();
        }
        return ofExtra(event);
    }

    private static int ofExtra(Event event) {
        if (event instanceof Event.InterruptTaken e) {
            return e.vcpu();
        }
        if (event instanceof Event.InterruptInjected e) {
            return e.vcpu();
        }
        if (event instanceof Event.EntryCancelled e) {
            return e.vcpu();
        }
        if (event instanceof Event.ApicAccessed e) {
            return e.vcpu();
        }
        if (event instanceof Event.MsrAccessed e) {
            return e.vcpu();
        }
        throw new IllegalArgumentException("not an event of a local APIC: " + event);
    }
}
