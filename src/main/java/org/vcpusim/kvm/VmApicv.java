package org.vcpusim.kvm;

import java.util.Optional;

/**
 * The VM's half of APICv: why it is inhibited, and the lock around that.
 *
 * @param inhibits as vCPUs find them
 */
record VmApicv(ApicvInhibits inhibits, ApicvUpdateLock lock) {

    /** Of a VM whose irqchip has been created, if it has one. */
    static VmApicv of(Machine machine) {
        ApicvInhibits created = ApicvInhibits.created(machine.apicv());
        return new VmApicv(machine.hasLapics() ? created.withIrqchip() : created, ApicvUpdateLock.FREE);
    }

    VmApicv with(ApicvInhibits other) {
        return new VmApicv(other, lock);
    }

    VmApicv with(ApicvUpdateLock other) {
        return new VmApicv(inhibits, other);
    }

    /** A vCPU that serves KVM_REQ_APICV_UPDATE takes the lock for reading, or waits for it. */
    VmApicv readBy(int vcpu, Port port) {
        ApicvUpdateLock.Holder reader = new ApicvUpdateLock.Holder(ApicvUpdateLock.Side.READER, vcpu);
        if (lock.isTaken(ApicvUpdateLock.Side.READER)) {
            return with(lock.waitedForBy(reader));
        }
        show(vcpu, port);
        return with(lock.heldBy(reader));
    }

    private void show(int vcpu, Port port) {
        port.toVcpu(vcpu, new Vcpu.InhibitsRead(inhibits.mask()));
    }

    /** The lock is released, and goes to those who have waited longest. */
    Released released(ApicvUpdateLock.Side side, Port port) {
        ApicvUpdateLock left = lock.releasedBy(side);
        int writer = 0;
        for (Optional<ApicvUpdateLock.Holder> next = left.next(); next.isPresent(); next = left.next()) {
            left = left.withNextHolding();
            if (next.get().side() == ApicvUpdateLock.Side.READER) {
                show(next.get().id(), port);
            } else {
                writer = next.get().id();
            }
        }
        return new Released(with(left), writer);
    }

    /**
     * After a release.
     *
     * @param writer id of the task that holds the lock now and has waited for it, or 0
     */
    record Released(VmApicv apicv, int writer) {}
}
