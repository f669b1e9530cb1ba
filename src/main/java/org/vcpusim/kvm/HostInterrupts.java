package org.vcpusim.kvm;

import org.vcpusim.arch.DeliveryMode;
import org.vcpusim.arch.PostedInterruptDescriptor;
import org.vcpusim.arch.TriggerMode;

/**
 * Interrupts of devices that the host handles on the processor where a vCPU's thread runs, and that KVM delivers to this vCPU
 * from there.
 *
 * <p>Nothing of the thread runs while the handler does, so that the handler is one step: also between the thread's last look
 * for something to do and its sleep. Source: {@code irqfd_wakeup}, virt/kvm/eventfd.c;
 * {@code kvm_arch_set_irq_inatomic}, arch/x86/kvm/irq.c.
 */
final class HostInterrupts {
    private HostInterrupts() {}

    /** The interrupt comes: it is handled at once unless host interrupts are off, or the guest has to leave first. */
    static Vcpu arrived(Vcpu v, int vector, Port port) {
        if (v.phase() == EntryPhase.IN_GUEST) {
            Vcpu due = v.with(v.posting().withHandlerDue(vector));
            return VcpuRemote.externalInterrupt(due, Event.HostVector.DEVICE, port);
        }
        return v.phase().interruptsOff() ? v.with(v.posting().withHandlerDue(vector)) : handled(v, vector, port);
    }

    /** Host interrupts are on again. */
    @SuppressWarnings("ReferenceEquality") // nothing to take is no copy
    static Vcpu taken(Vcpu v, Port port) {
        Posting due = v.posting();
        Posting after = due.taken();
        if (after == due) {
            return v;
        }
        Vcpu next = v.with(after);
        for (int vector : due.handlersDue().vectors().toArray()) {
            next = handled(next, vector, port);
        }
        return next;
    }

    private static Vcpu handled(Vcpu v, int vector, Port port) {
        port.emit(new Event.HostInterruptHandled(v.index(), vector));
        port.emit(new Event.InterruptAccepted(v.index(), DeliveryMode.FIXED, TriggerMode.EDGE, vector));
        if (!v.lapic().enabled()) {
            port.emit(new Event.InterruptDiscarded(v.index(), vector));
            return v;
        }
        if (v.nested().isNotification(vector)) {
            Vcpu asked = NestedPostedInterrupts.noted(v, port).make(VcpuRequest.EVENT, port);
            port.emit(new Event.NestedNotificationTriggered(v.index(), v.mode()));
            return VcpuScheduling.isSleeper(v) ? VcpuRemote.woken(asked, Event.WakeCause.INTERRUPT, port) : asked;
        }
        if (!v.apicvActive()) {
            Vcpu requested =
                    VcpuRemote.requested(v, vector, TriggerMode.EDGE, port).make(VcpuRequest.EVENT, port);
            return VcpuScheduling.isSleeper(v)
                    ? VcpuRemote.woken(requested, Event.WakeCause.INTERRUPT, port)
                    : requested;
        }
        Vcpu posted = posted(v.with(v.lapic().withTriggerMode(vector, TriggerMode.EDGE)), vector, port);
        port.emit(new Event.ApicvInterruptAccepted(v.index(), DeliveryMode.FIXED, TriggerMode.EDGE, vector));
        return posted;
    }

    private static Vcpu posted(Vcpu v, int vector, Port port) {
        PostedInterruptDescriptor.Tested pir = v.posting().descriptor().testAndSetPir(vector);
        port.emit(new Event.PostedInterruptSet(v.index(), vector, Event.Poster.CPU, pir.wasSet()));
        if (pir.wasSet()) {
            return v;
        }
        PostedInterruptDescriptor.Tested on = pir.next().testAndSetOn();
        port.emit(new Event.NotificationRequested(v.index(), on.wasSet()));
        Vcpu set = v.with(v.posting().with(on.next()));
        if (on.wasSet()) {
            return set;
        }
        port.emit(new Event.PostedInterruptTriggered(v.index(), v.mode()));
        return VcpuRemote.wakes(set) ? VcpuRemote.woken(set, Event.WakeCause.INTERRUPT, port) : set;
    }
}
