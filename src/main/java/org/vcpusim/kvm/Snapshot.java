package org.vcpusim.kvm;

import org.jspecify.annotations.Nullable;

/**
 * What a VMM has saved of the interrupt controllers in the kernel: KVM_GET_IRQCHIP and KVM_SET_IRQCHIP.
 *
 * @param ioapic the IOAPIC's state, null before the first time
 */
public record Snapshot(@Nullable IoapicState ioapic) {
    /** Nothing. */
    static final Snapshot NONE = new Snapshot(null);

    /** Whether a message of user space is its business. */
    static boolean concerns(Userspace.Message message) {
        return message instanceof Userspace.SaveIoapic
                || message instanceof Userspace.RestoreIoapic
                || message instanceof Userspace.IoapicSaved;
    }

    /** The next state after a message that concerns it. */
    Snapshot step(Userspace.Message message, Port port) {
        if (message instanceof Userspace.IoapicSaved saved) {
            port.toDevice(saved.device(), new Device.Done(0));
            return new Snapshot(saved.state());
        }
        if (message instanceof Userspace.SaveIoapic save) {
            port.toVm(new Vm.SaveIoapic(save.device()));
        } else if (message instanceof Userspace.RestoreIoapic restore) {
            restored(restore.device(), port);
        }
        return this;
    }

    private void restored(int device, Port port) {
        if (ioapic == null) {
            port.toDevice(device, new Device.Done(Userspace.ENOENT));
        } else {
            port.toVm(new Vm.SetIoapic(new Vm.OfDevice(device), ioapic));
        }
    }
}
