package org.vcpusim.kvm;

/**
 * Where a vCPU's thread is: its next step.
 *
 * <pre>
 *   USERSPACE -> RUN_LOOP -> CHECK_REQUESTS -> INJECT_EVENTS -> IRR_ACKED
 *                 ^   |            ^                                  |
 *                 |   |            |      ENTER -> BARRIER -> SYNC_ON -> SYNC_PIR -> RECHECK -> IN_GUEST
 *                 |   v            +---------------- cancelled ------------------------+           v
 *                 | HALT_POLL -> BLOCK_PREPARE -> BLOCK_CHECK -> BLOCK_SLEEP -> BLOCKED          EXITED
 *                 |                                                                                |
 *                 +------------------------------- HANDLE_EXIT <-----------------------------------+
 * </pre>
 *
 * <p>Source: {@code vcpu_run}, {@code vcpu_enter_guest}, {@code vcpu_block}, arch/x86/kvm/x86.c; {@code kvm_vcpu_block},
 * virt/kvm/kvm_main.c.
 */
public enum EntryPhase {
    /** Not in KVM_RUN. */
    USERSPACE,
    /** Could run, and waits for a processor of the host. */
    OFF_CPU,
    /** Has a processor; what was posted in silence becomes outstanding. */
    LOAD_ON,
    /** Top of the run loop: enter the guest or block. */
    RUN_LOOP,
    /** Requests are checked one by one, in the kernel's order. */
    CHECK_REQUESTS,
    /** Only with {@link Fault#CLEAR_AFTER_HANDLING}: the request that was handled is cleared now. */
    CLEAR_REQUEST,
    /** KVM_REQ_EVENT: events are injected. */
    INJECT_EVENTS,
    /** The local APIC has handed over a vector: whether it has more requested is noted now. */
    IRR_ACKED,
    /** Only with {@link Fault#IRR_ACK_ORDER}: the search has found nothing, and the hint is dropped for it now. */
    IRR_SEARCHED,
    /** Host interrupts go off, and the mode becomes IN_GUEST_MODE in the processor's store buffer. */
    ENTER,
    /** The barrier: others see IN_GUEST_MODE. */
    BARRIER,
    /** After the barrier: if ON is set, it is cleared. */
    SYNC_ON,
    /** ON was set: what was posted moves to IRR. */
    SYNC_PIR,
    /** Requests and mode are looked at once more. */
    RECHECK,
    /** The guest runs. */
    IN_GUEST,
    /** The hardware has left the guest; host interrupts are still off. */
    EXITED,
    /** The exit is handled. */
    HANDLE_EXIT,
    /** Looks around before it sleeps, as long as its window lasts. */
    HALT_POLL,
    /** The vCPU registers as a sleeper. */
    BLOCK_PREPARE,
    /** Is there anything to wake up for? */
    BLOCK_CHECK,
    /** There was nothing: go to sleep, unless woken meanwhile. */
    BLOCK_SLEEP,
    /** Asleep. */
    BLOCKED,
    /** Another machine has to answer first. */
    AWAITING;

    /** Whether a vCPU of {@code machine} can be in it. */
    public boolean isOf(Machine machine) {
        return switch (this) {
            case OFF_CPU, LOAD_ON -> machine.physicalCpus() > 0;
            case CLEAR_REQUEST -> machine.has(Fault.CLEAR_AFTER_HANDLING);
            case IRR_SEARCHED -> machine.has(Fault.IRR_ACK_ORDER);
            case HALT_POLL -> machine.haltPollNanos() > 0;
            default -> true;
        };
    }

    /** Whether host interrupts are off, so that an IPI has to wait; in the guest it makes the guest exit instead. */
    boolean interruptsOff() {
        return this == BARRIER || this == SYNC_ON || this == SYNC_PIR || this == RECHECK || this == EXITED;
    }

    /** Whether {@code kvm_vcpu_wake_up} finds a sleeper. */
    boolean isSleeper() {
        return this == BLOCK_CHECK || this == BLOCK_SLEEP || this == BLOCKED;
    }

    /** Whether the host can take the processor away before the next step. */
    boolean isPreemptible() {
        return isActive() && !interruptsOff() && this != LOAD_ON;
    }

    /** Whether the vCPU runs its next step by itself. */
    boolean isActive() {
        return this != USERSPACE && this != OFF_CPU && this != IN_GUEST && this != BLOCKED && this != AWAITING;
    }
}
