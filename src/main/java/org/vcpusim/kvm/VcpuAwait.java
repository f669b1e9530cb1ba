package org.vcpusim.kvm;

/** How a vCPU goes on when another machine has done what it waited for. */
final class VcpuAwait {
    private VcpuAwait() {}

    static Vcpu done(Vcpu v, long value, Port port) {
        return switch (v.thread().await()) {
            case ACCESS -> VcpuExits.completed(v, value, port);
            case SOFTWARE_EOI -> VcpuExits.completed(v.make(VcpuRequest.EVENT, port), 0, port);
            case VIRTUALIZED_EOI -> v.make(VcpuRequest.EVENT, port).goTo(EntryPhase.RUN_LOOP, port);
            case PIC_VECTOR -> VcpuInjection.injectInterrupt(v, (int) value, port);
            case RESET_MAP, RESET_MAP_FOR_STATE ->
                VcpuInjection.afterReset(v, v.thread().await(), port);
            case OLD_SINT_VECTOR, NEW_SINT_VECTOR ->
                VcpuSynic.goOn(v, v.thread().await(), port);
            case CREATED -> VcpuCreation.done(v, port);
            case GUEST_DEBUG -> VcpuIoctls.guestDebugSet(v, port);
            case SINT_EOI, VIRTUALIZED_SINT_EOI -> VcpuSynic.sourcesTold(v, port);
            case RESTORED_MAP -> VcpuIoctls.restored(v, port);
            case REFUSED_STATE -> VcpuIoctls.refused(v, port);
            case NOTHING, TABLE, INHIBITS, USERSPACE_ACCESS ->
                throw new IllegalStateException("vCPU " + v.index() + " does not wait for an operation: " + v.thread());
        };
    }
}
