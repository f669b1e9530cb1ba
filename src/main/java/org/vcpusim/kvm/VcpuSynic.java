package org.vcpusim.kvm;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.IntStream;

/**
 * What a vCPU does with its synthetic interrupt controller: writes of its MSRs, interrupts that end themselves, and the
 * notification of an EOI.
 *
 * <p>Source: {@code synic_set_msr}, {@code synic_set_sint}, {@code synic_update_vector}, {@code kvm_hv_synic_send_eoi},
 * {@code kvm_hv_notify_acked_sint}, {@code kvm_hv_set_msr}, arch/x86/kvm/hyperv.c.
 */
final class VcpuSynic {
    /** HV_X64_MSR_EOI. */
    static final int MSR_EOI = 0x40000070;
    /** HV_X64_MSR_SCONTROL. */
    static final int MSR_SCONTROL = 0x40000080;
    /** HV_X64_MSR_EOM. */
    static final int MSR_EOM = 0x40000084;

    private static final List<Integer> ALL =
            IntStream.range(0, HvSynic.SINTS).boxed().toList();

    private VcpuSynic() {}

    private static int sintOf(int msr) {
        int sint = msr - HvSynic.MSR_SINT0;
        return sint >= 0 && sint < HvSynic.SINTS ? sint : -1;
    }

    private static boolean isRegister(int msr) {
        return msr == MSR_SCONTROL || msr == MSR_EOM || sintOf(msr) >= 0;
    }

    /** Whether the MSR is Hyper-V's and this vCPU has it. */
    static boolean claims(Vcpu v, int msr) {
        return v.exitMap().synic().isPresent() && (msr == MSR_EOI || isRegister(msr));
    }

    /** What RDMSR returns; empty for #GP. EOM reads 0. */
    static OptionalLong rdmsr(Vcpu v, int msr) {
        HvSynic synic = v.exitMap().synic().orElseThrow();
        if (!isRegister(msr)) {
            return OptionalLong.empty();
        }
        int sint = sintOf(msr);
        return OptionalLong.of(sint >= 0 ? synic.sints().get(sint) : msr == MSR_SCONTROL ? synic.control() : 0);
    }

    /** WRMSR of an MSR that is claimed. */
    static Vcpu wrmsr(Vcpu v, int msr, long value, Port port) {
        boolean fault = sintOf(msr) >= 0 && refuses(value);
        if (msr != MSR_EOI) {
            port.emit(new Event.HvSynicMsrSet(v.index(), msr, value));
        }
        port.emit(new Event.MsrAccessed(v.index(), Event.Access.WRITE, msr, value, fault));
        if (fault) {
            return VcpuExits.faulted(v, port);
        }
        if (msr == MSR_EOI) {
            return VcpuEoi.software(v, port);
        }
        if (msr == MSR_EOM) {
            return notified(v, ALL, VcpuThread.Await.ACCESS, port);
        }
        HvSynic synic = v.exitMap().synic().orElseThrow();
        if (msr == MSR_SCONTROL) {
            Vcpu controlled = v.with(v.exitMap().with(synic.withControl(value)));
            return VcpuExits.completed(controlled.make(VcpuRequest.HV_EXIT, port), 0, port);
        }
        int sint = sintOf(msr);
        int oldVector = HvSynic.vectorField(synic.sints().get(sint));
        Vcpu stored = v.with(v.exitMap().with(synic.withSint(sint, value)));
        return updated(stored, oldVector, VcpuThread.Await.OLD_SINT_VECTOR, port);
    }

    /** Vectors below 16 are no interrupts: a guest may write one only where it masks the source. */
    private static boolean refuses(long value) {
        return HvSynic.vectorField(value) < HvSynic.FIRST_VALID_VECTOR && (value & HvSynic.MASKED) == 0;
    }

    /** The bitmaps follow one vector; the VM hears of the vCPU's first AutoEOI vector and of its last. */
    private static Vcpu updated(Vcpu v, int vector, VcpuThread.Await await, Port port) {
        HvSynic before = v.exitMap().synic().orElseThrow();
        HvSynic after = before.withVectorUpdated(vector);
        if (!after.vectors().equals(before.vectors())) {
            port.emit(new Event.SynicVectorsChanged(v.index(), after.vectors()));
        }
        Vcpu next = v.with(v.exitMap().with(after));
        boolean uses = !after.autoEoi().isEmpty();
        if (uses == !before.autoEoi().isEmpty() || !v.machine().apicvActive()) {
            return goOn(next, await, port);
        }
        port.toVm(new Vm.UseAutoEoi(v.index(), uses ? ApicvInhibit.Change.SET : ApicvInhibit.Change.CLEAR));
        return next.with(next.thread().awaiting(await));
    }

    /** A SINT register has been written and one of its two vectors looked at: the new one is next, then a scan. */
    static Vcpu goOn(Vcpu v, VcpuThread.Await from, Port port) {
        if (from == VcpuThread.Await.OLD_SINT_VECTOR) {
            GuestExit exit = v.thread().exit();
            if (exit == null || !(exit.action() instanceof GuestAction.Wrmsr write)) {
                throw new IllegalStateException("vCPU " + v.index() + " writes no SINT register");
            }
            return updated(v, HvSynic.vectorField(write.value()), VcpuThread.Await.NEW_SINT_VECTOR, port);
        }
        return VcpuExits.completed(v.make(v.machine().protocol().tableRequest(), port), 0, port);
    }

    /** Whether {@code vector} ends itself when it is taken; {@code kvm_hv_synic_auto_eoi_set}. */
    static boolean endsItself(Vcpu v, int vector) {
        Optional<HvSynic> synic = v.exitMap().synic();
        return synic.isPresent() && synic.get().autoEoi().get(vector);
    }

    /** Whether the EOI of {@code vector} is one that sources are told of. */
    static boolean handles(Vcpu v, int vector) {
        Optional<HvSynic> synic = v.exitMap().synic();
        return synic.isPresent() && synic.get().vectors().get(vector);
    }

    /** An EOI of {@code vector}: its sources are told before the IOAPIC is. */
    static Vcpu ended(Vcpu v, int vector, VcpuThread.Await await, Port port) {
        port.emit(new Event.HvSynicEoiSent(v.index(), vector));
        HvSynic synic = v.exitMap().synic().orElseThrow();
        Vcpu ending = v.with(v.exitMap().with(synic.withEnding(vector)));
        return notified(ending, synic.sintsOf(vector), await, port);
    }

    /** The sources have been told: the EOI goes on. */
    static Vcpu sourcesTold(Vcpu v, Port port) {
        HvSynic synic = v.exitMap().synic().orElseThrow();
        Vcpu told = v.with(v.exitMap().with(synic.withEnding(-1)));
        return v.thread().await() == VcpuThread.Await.VIRTUALIZED_SINT_EOI
                ? VcpuEoi.virtualizedToIoapic(told, synic.ending(), port)
                : VcpuEoi.toIoapic(told, synic.ending(), port);
    }

    private static Vcpu notified(Vcpu v, List<Integer> sints, VcpuThread.Await await, Port port) {
        sints.forEach(sint -> port.emit(new Event.HvSintAcked(v.index(), sint)));
        port.toVm(new Vm.AckSints(v.index(), sints));
        return v.with(v.thread().awaiting(await));
    }

    /** KVM_REQ_HV_EXIT: user space reads SCONTROL. */
    static Vcpu exitToUserspace(Vcpu seen, Port port) {
        return VcpuRun.leaveKernel(
                VcpuRequests.done(seen, port), Event.UserspaceExit.KVM_EXIT_HYPERV, Userspace.Unhandled.NONE, port);
    }

    /** Another CPU reads a SINT register: its vector, or why there is none. */
    static void show(Vcpu v, Vcpu.ReadSint read, Port port) {
        long answer = v.exitMap()
                .synic()
                .map(synic -> synic.vector(read.sint()))
                .map(vector -> vector < 0 ? Userspace.ENOENT : vector)
                .orElse(Userspace.EINVAL);
        port.emit(new Event.SintRead(v.index(), read.sint(), Math.max((int) answer, -1)));
        port.toVm(new Vm.Reported(read.task(), answer));
    }
}
