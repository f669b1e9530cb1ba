package org.vcpusim.check;

import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.TriggerMode;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.kvm.Event;
import org.vcpusim.trace.TraceRecord;
import org.vcpusim.trace.Tracepoint;

/**
 * What every local APIC holds, by the events alone: IRR, ISR, TMR, what is posted, and the task priority.
 *
 * <p>Several invariants share one. Each asks for the state {@link #before} the record it is given; the record itself takes effect
 * when the next one comes. Source: SDM volume 3, "Advanced Programmable Interrupt Controller (APIC)" and "APIC Virtualization and
 * Virtual Interrupts".
 */
final class LocalApics {
    /** No vector. */
    static final int NONE = -1;

    private static final int CLASS = 0xf0;
    private static final int VECTOR = 0xff;

    /** What changes a local APIC, and what looks at it. */
    private static final Tracepoint[] TRACEPOINTS = {
        Tracepoint.KVM_ENTRY,
        Tracepoint.KVM_EXIT,
        Tracepoint.KVM_EOI,
        Tracepoint.KVM_APIC_ACCEPT_IRQ,
        Tracepoint.INTERRUPT_REQUESTED,
        Tracepoint.INTERRUPT_DISCARDED,
        Tracepoint.INTERRUPT_ACKNOWLEDGED,
        Tracepoint.POSTED_INTERRUPT_SET,
        Tracepoint.POSTED_INTERRUPTS_SYNC,
        Tracepoint.VIRTUAL_INTERRUPT_DELIVERY,
        Tracepoint.EOI_VIRTUALIZED,
        Tracepoint.TASK_PRIORITY,
        Tracepoint.LAPIC_STATE_SET,
        Tracepoint.VMCS_INIT,
        Tracepoint.VCPU_RESET,
        Tracepoint.VMCS02_PREPARED,
        Tracepoint.KVM_NESTED_VMEXIT_INJECT,
        Tracepoint.INTERRUPT_STATE_LOAD,
        Tracepoint.VCPU_AUDIT,
    };

    private final ByVcpu<State> byVcpu = new ByVcpu<>(State::new);
    private @Nullable TraceRecord last;

    /** One vCPU's. */
    static final class State {
        private VectorBitmap irr = VectorBitmap.EMPTY;
        private VectorBitmap isr = VectorBitmap.EMPTY;
        private VectorBitmap tmr = VectorBitmap.EMPTY;
        private VectorBitmap pir = VectorBitmap.EMPTY;
        private int priority;
        private boolean known;
        private boolean inL2;
        private int ended = NONE;
        private VectorBitmap tmrBefore = VectorBitmap.EMPTY;
        private boolean loaded;
        private int rvi;

        /** Whether the trace has its creation, or all of it has been replaced since: only then the rest is known. */
        boolean known() {
            return known;
        }

        /** What is requested. */
        VectorBitmap irr() {
            return irr;
        }

        /** What is in service. */
        VectorBitmap isr() {
            return isr;
        }

        /** Which vectors came with a level message last. */
        VectorBitmap tmr() {
            return tmr;
        }

        /** What is posted. */
        VectorBitmap pir() {
            return pir;
        }

        /** Whether L2 runs, whose local APIC is another. */
        boolean inL2() {
            return inL2;
        }

        /** The vector whose EOI made the guest leave and has not been looked at, or {@link #NONE}. */
        int ended() {
            return ended;
        }

        /** Whether what the next entry loads is on record: an entry that has nothing to load says nothing of it. */
        boolean loaded() {
            return loaded;
        }

        /** RVI as the last entry has loaded it; 0 where it had nothing to load. */
        int rvi() {
            return rvi;
        }

        /** TPR. */
        int priority() {
            return priority;
        }

        /** PPR. */
        int processorPriority() {
            int inService = Math.max(isr.highest(), 0) & CLASS;
            return (priority & CLASS) >= inService ? priority : inService;
        }

        /** Whether {@code vector} may interrupt. */
        boolean admits(int vector) {
            return (vector & CLASS) > processorPriority();
        }
    }

    /** With the tracepoints of every local APIC come {@code more}. */
    static Tracepoint[] tracepointsAnd(Tracepoint... more) {
        Tracepoint[] all = new Tracepoint[TRACEPOINTS.length + more.length];
        System.arraycopy(TRACEPOINTS, 0, all, 0, TRACEPOINTS.length);
        System.arraycopy(more, 0, all, TRACEPOINTS.length, more.length);
        return all;
    }

    /** Of vCPU {@code vcpu}, as it is before {@code record}. */
    @SuppressWarnings("ReferenceEquality") // the same record, given by another invariant
    State before(TraceRecord record, int vcpu) {
        if (record != last) {
            if (last != null) {
                apply(last);
            }
            last = record;
        }
        return byVcpu.of(vcpu);
    }

    private void apply(TraceRecord record) {
        Event event = record.event();
        if (event instanceof Event.GuestEntered entered) {
            State s = byVcpu.of(entered.vcpu());
            s.rvi = s.loaded ? s.rvi : 0;
            s.loaded = false;
        } else if (event instanceof Event.GuestExited exit) {
            exited(byVcpu.of(exit.vcpu()), exit);
        } else if (event instanceof Event.EoiReceived eoi) {
            ended(byVcpu.of(eoi.vcpu()), eoi.vector());
        } else if (event instanceof Event.EoiVirtualized eoi) {
            State s = byVcpu.of(eoi.vcpu());
            s.isr = s.isr.without(eoi.vector());
        } else if (event instanceof Event.VirtualInterruptDelivered delivered) {
            delivered(byVcpu.of(delivered.vcpu()), delivered.vector());
        } else if (event instanceof Event.InterruptAcknowledged taken) {
            State s = byVcpu.of(taken.vcpu());
            s.irr = s.irr.without(taken.vector());
            s.isr = taken.inService() ? s.isr.with(taken.vector()) : s.isr;
        } else if (event instanceof Event.TaskPriorityChanged changed) {
            byVcpu.of(changed.vcpu()).priority = changed.priority();
        } else if (event instanceof Event.InterruptStateLoaded loaded) {
            byVcpu.of(loaded.vcpu()).loaded = true;
            byVcpu.of(loaded.vcpu()).rvi = loaded.status() & VECTOR;
        } else {
            applyMessage(event);
        }
    }

    private void applyMessage(Event event) {
        if (event instanceof Event.InterruptAccepted accepted) {
            accepted(byVcpu.of(accepted.vcpu()), accepted);
        } else if (event instanceof Event.InterruptDiscarded discarded) {
            State s = byVcpu.of(discarded.vcpu());
            s.tmr = s.tmrBefore;
        } else if (event instanceof Event.InterruptRequested requested) {
            State s = byVcpu.of(requested.vcpu());
            s.irr = s.irr.with(requested.vector());
        } else if (event instanceof Event.PostedInterruptSet posted) {
            State s = byVcpu.of(posted.vcpu());
            s.pir = s.pir.with(posted.vector());
        } else if (event instanceof Event.PostedInterruptsSynced synced) {
            State s = byVcpu.of(synced.vcpu());
            s.irr = s.irr.or(synced.taken());
            s.pir = s.pir.andNot(synced.taken());
        } else {
            applyState(event);
        }
    }

    private void applyState(Event event) {
        if (event instanceof Event.VmcsInitialised initialised) {
            byVcpu.of(initialised.vcpu()).known = true;
        } else if (event instanceof Event.VcpuReset reset) {
            replaced(byVcpu.of(reset.vcpu()), VectorBitmap.EMPTY, VectorBitmap.EMPTY);
            byVcpu.of(reset.vcpu()).tmr = VectorBitmap.EMPTY;
            byVcpu.of(reset.vcpu()).priority = 0;
            byVcpu.of(reset.vcpu()).inL2 = false;
        } else if (event instanceof Event.LapicStateSet set) {
            VectorBitmap posted = byVcpu.of(set.vcpu()).pir;
            boolean created = byVcpu.of(set.vcpu()).known;
            replaced(byVcpu.of(set.vcpu()), set.irr(), set.isr());
            byVcpu.of(set.vcpu()).pir = created ? VectorBitmap.EMPTY : posted;
            byVcpu.of(set.vcpu()).tmr = set.tmr();
            byVcpu.of(set.vcpu()).priority = set.priority();
        } else if (event instanceof Event.Vmcs02Prepared prepared) {
            byVcpu.of(prepared.vcpu()).inL2 = true;
        } else if (event instanceof Event.NestedExitInjected exit) {
            byVcpu.of(exit.vcpu()).inL2 = false;
        }
    }

    private static void exited(State s, Event.GuestExited exit) {
        if (!s.inL2 && exit.reason() == ExitReason.EOI_INDUCED) {
            s.ended = (int) exit.qualification();
            s.isr = s.isr.without(s.ended);
        }
    }

    private static void ended(State s, int vector) {
        if (s.ended == NONE && vector != NONE) {
            s.isr = s.isr.without(vector);
        }
        s.ended = NONE;
    }

    private static void delivered(State s, int vector) {
        if (!s.inL2) {
            s.irr = s.irr.without(vector);
            s.isr = s.isr.with(vector);
        }
    }

    private static void accepted(State s, Event.InterruptAccepted accepted) {
        s.tmrBefore = s.tmr;
        boolean vectored = accepted.deliveryMode().isVectored();
        if (vectored) {
            boolean level = accepted.triggerMode() == TriggerMode.LEVEL;
            s.tmr = level ? s.tmr.with(accepted.vector()) : s.tmr.without(accepted.vector());
        }
    }

    private static void replaced(State s, VectorBitmap irr, VectorBitmap isr) {
        s.irr = irr;
        s.isr = isr;
        s.pir = VectorBitmap.EMPTY;
        s.ended = NONE;
        s.known = true;
    }
}
