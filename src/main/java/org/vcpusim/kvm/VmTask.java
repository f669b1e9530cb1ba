package org.vcpusim.kvm;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.VectorBitmap;

/**
 * Work the VM does on somebody's behalf, one step a message: what is left to do, and the answer to the last step.
 *
 * <p>In the kernel this is a thread inside an ioctl or an exit handler; its call stack is {@code rest}.
 *
 * @param id identifies the task in answers
 * @param rest what is left to do, next first
 * @param answer the last answer: of a vCPU that was asked, or of the step before
 * @param awaits what the task waits for before it goes on
 * @param ipisOwed IPIs sent whose acknowledgement has not come
 */
record VmTask(int id, @Nullable Rest rest, Answer answer, Wait awaits, int ipisOwed) {
    /** Steps left, next first. */
    record Rest(VmStep first, @Nullable Rest next) {}

    /** What a task waits for. */
    enum Wait {
        NOTHING,
        ANSWER,
        LOCK,
        IPIS
    }

    /** The answer to a step. */
    sealed interface Answer {}

    /** A number: an interrupt's result, a register's value, or 0 for none. */
    record Value(long value) implements Answer {}

    /** Whether a vCPU took an interrupt, and the request to make on it. */
    record Taken(boolean accepted, @Nullable VcpuRequest request) implements Answer {}

    /** A vCPU took an interrupt, which has to be posted to it. */
    enum ToPost implements Answer {
        TO_POST,
        /** L1 has posted it, to L2. */
        TO_NOTIFY_NESTED
    }

    /** The mode a vCPU was found in; {@code woken} where it was asleep and is not any more. */
    record Found(VcpuMode mode, boolean woken) implements Answer {}

    /** The vectors a local APIC has requested or in service. */
    record Held(VectorBitmap vectors) implements Answer {}

    /** The entries of user space's IOAPIC, by pin. */
    record Shown(List<RedirectionEntry> entries) implements Answer {}

    static VmTask of(int id, VmStep first) {
        return new VmTask(id, new Rest(first, null), new Value(0), Wait.NOTHING, 0);
    }

    long value() {
        return answer instanceof Value v ? v.value : 0;
    }

    /** Whose thread does the work: who scans, or gets the answer at its end; null for a thread of the kernel's own. */
    Vm.@Nullable Requester requester() {
        Rest last = rest;
        while (last != null && last.next != null) {
            if (last.first instanceof IoapicSteps.ShowTable show) {
                return new Vm.OfVcpu(show.vcpu());
            }
            last = last.next;
        }
        return last != null && last.first instanceof VmCalls.Answer answer ? answer.to() : null;
    }

    VmTask withRest(@Nullable Rest other) {
        return new VmTask(id, other, answer, awaits, ipisOwed);
    }

    VmTask push(VmStep... steps) {
        Rest stack = rest;
        for (int i = steps.length - 1; i >= 0; i--) {
            stack = new Rest(steps[i], stack);
        }
        return withRest(stack);
    }

    VmTask withAnswer(Answer other) {
        return new VmTask(id, rest, other, awaits, ipisOwed);
    }

    VmTask withWait(Wait other) {
        return new VmTask(id, rest, answer, other, ipisOwed);
    }

    VmTask withIpisOwed(int count) {
        return new VmTask(id, rest, answer, awaits, count);
    }
}
