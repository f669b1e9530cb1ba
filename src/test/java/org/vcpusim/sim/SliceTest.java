package org.vcpusim.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.vcpusim.arch.ExitReason;
import org.vcpusim.arch.RedirectionEntry;
import org.vcpusim.arch.VectorBitmap;
import org.vcpusim.check.Violation;
import org.vcpusim.kvm.EntryPhase;
import org.vcpusim.kvm.Event;
import org.vcpusim.kvm.MpState;
import org.vcpusim.kvm.RequestSet;
import org.vcpusim.kvm.VcpuMode;
import org.vcpusim.kvm.VcpuRequest;
import org.vcpusim.trace.Source;
import org.vcpusim.trace.TraceRecord;

/** What leads to a violation, and what does not. */
class SliceTest {
    private final List<TraceRecord> records = new ArrayList<>();

    private int add(Source source, Event event) {
        records.add(new TraceRecord(records.size(), records.size(), source, event));
        return records.size() - 1;
    }

    private List<Integer> slice(String invariant, int at) {
        Violation violation =
                new Violation(invariant, "it broke", records.get(at), Optional.empty(), "", Optional.empty());
        return Slice.of(records, violation).stream().boxed().toList();
    }

    private int writes(int pin, int sequence) {
        return add(
                Source.VM,
                new Event.RedirectionEntryWritten(pin, RedirectionEntry.RESET, RedirectionEntry.RESET, sequence, 0));
    }

    private int scans(int vcpu, int sequence) {
        return add(Source.vcpu(vcpu), new Event.IoapicScanned(vcpu, VectorBitmap.EMPTY, sequence, VectorBitmap.EMPTY));
    }

    private int makes(int vcpu) {
        RequestSet.Flow flow = new RequestSet.Flow(VcpuRequest.SCAN_IOAPIC, 1, 0);
        return add(Source.vcpu(vcpu), new Event.RequestMade(vcpu, flow, false, EntryPhase.RUN_LOOP));
    }

    private int sees(int vcpu) {
        return add(Source.vcpu(vcpu), new Event.RequestSeen(vcpu, new RequestSet.Flow(VcpuRequest.SCAN_IOAPIC, 1, 0)));
    }

    private int enters(int vcpu, long requests) {
        return add(Source.vcpu(vcpu), new Event.GuestEntered(vcpu, 0, 0, requests, Event.ApicvAtEntry.ACTIVE));
    }

    private int exits(int vcpu) {
        return add(Source.vcpu(vcpu), new Event.GuestExited(vcpu, ExitReason.HLT, 0, 0, 0, 0));
    }

    private int elides(int vcpu) {
        return add(Source.VM, new Event.IpiElided(vcpu, VcpuMode.OUTSIDE_GUEST_MODE));
    }

    @Test
    void aPendingRequestHasItsMakerTheModeAndTheLastWrite() {
        makes(0);
        sees(0);
        writes(16, 1);
        int write = writes(16, 2);
        makes(1);
        int made = makes(0);
        enters(1, 0);
        enters(0, 0);
        int exit = exits(0);
        int elided = elides(0);
        int entry = enters(0, VcpuRequest.SCAN_IOAPIC.mask());
        exits(1);
        assertEquals(List.of(write, made, exit, elided, entry), slice("R2", entry));
    }

    @Test
    void aScanHasItsRequestAndTheWritesOfEveryPin() {
        scans(0, 0);
        int first = writes(16, 1);
        int second = writes(17, 2);
        int made = makes(0);
        scans(1, 2);
        int seen = sees(0);
        int scan = scans(0, 2);
        assertEquals(List.of(first, second, made, seen, scan), slice("I3", scan));
    }

    @Test
    void anInterruptThatIsLostHasItsSenderAndTheSleep() {
        add(Source.vcpu(0), new Event.VcpuBlocked(1));
        add(Source.vcpu(0), new Event.PostedInterruptSet(1, 0x41, Event.Poster.CPU, false));
        int blocked = add(Source.vcpu(0), new Event.VcpuBlocked(0));
        int message = add(Source.VM, new Event.MsiSet(0xfee0_0000L, 0x41));
        int posted = add(Source.VM, new Event.PostedInterruptSet(0, 0x41, Event.Poster.CPU, false));
        add(Source.VM, new Event.MsiSet(0xfee0_0000L, 0x42));
        int audit = add(
                Source.vcpu(0),
                new Event.VcpuAudited(
                        0,
                        EntryPhase.BLOCKED,
                        MpState.HALTED,
                        true,
                        true,
                        0,
                        VectorBitmap.EMPTY,
                        VectorBitmap.EMPTY,
                        VectorBitmap.of(0x41)));
        assertEquals(List.of(blocked, message, posted, audit), slice("L3", audit));
    }

    @Test
    void whatARuleLooksAtIsOfTheVcpuOrPinThatItsViolationIsAbout() {
        makes(1);
        int other = writes(17, 1);
        int write = writes(16, 2);
        int raised = add(Source.VM, new Event.IoapicIrqSet(RedirectionEntry.RESET, 16, false, 1, true));
        assertEquals(List.of(write, raised), slice("I8", raised));
        assertEquals(List.of(other, write, raised), slice("H1", raised));
    }

    @Test
    void whatComesBehindTheViolationDoesNotLeadToIt() {
        int scan = scans(0, 0);
        writes(16, 1);
        scans(0, 1);
        assertEquals(List.of(scan), slice("I3", scan));
    }
}
