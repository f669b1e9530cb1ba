package org.vcpusim.kvm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VcpuRequestTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', useHeadersInDisplayName = true, textBlock = """
        request                      | number | waits | wakes | recorded | mask
        TLB_FLUSH                    | 0x300  | true  | false | true     | 0x1
        VM_DEAD                      | 0x301  | true  | false | true     | 0x2
        UNBLOCK                      | 0x002  | false | true  | true     | 0x4
        DIRTY_RING_SOFT_FULL         | 0x003  | false | true  | true     | 0x8
        OUTSIDE_GUEST_MODE           | 0x700  | true  | false | false    | 0x0
        MIGRATE_TIMER                | 0x008  | false | true  | true     | 0x100
        REPORT_TPR_ACCESS            | 0x009  | false | true  | true     | 0x200
        TRIPLE_FAULT                 | 0x00a  | false | true  | true     | 0x400
        MMU_SYNC                     | 0x00b  | false | true  | true     | 0x800
        CLOCK_UPDATE                 | 0x00c  | false | true  | true     | 0x1000
        LOAD_MMU_PGD                 | 0x00d  | false | true  | true     | 0x2000
        EVENT                        | 0x00e  | false | true  | true     | 0x4000
        APF_HALT                     | 0x00f  | false | true  | true     | 0x8000
        STEAL_UPDATE                 | 0x010  | false | true  | true     | 0x10000
        NMI                          | 0x011  | false | true  | true     | 0x20000
        PMU                          | 0x012  | false | true  | true     | 0x40000
        PMI                          | 0x013  | false | true  | true     | 0x80000
        SMI                          | 0x014  | false | true  | true     | 0x100000
        MASTERCLOCK_UPDATE           | 0x015  | false | true  | true     | 0x200000
        MCLOCK_INPROGRESS            | 0x316  | true  | false | true     | 0x400000
        SCAN_IOAPIC                  | 0x317  | true  | false | true     | 0x800000
        GLOBAL_CLOCK_UPDATE          | 0x018  | false | true  | true     | 0x1000000
        APIC_PAGE_RELOAD             | 0x319  | true  | false | true     | 0x2000000
        HV_CRASH                     | 0x01a  | false | true  | true     | 0x4000000
        IOAPIC_EOI_EXIT              | 0x01b  | false | true  | true     | 0x8000000
        HV_RESET                     | 0x01c  | false | true  | true     | 0x10000000
        HV_EXIT                      | 0x01d  | false | true  | true     | 0x20000000
        HV_STIMER                    | 0x01e  | false | true  | true     | 0x40000000
        LOAD_EOI_EXITMAP             | 0x01f  | false | true  | true     | 0x80000000
        GET_NESTED_STATE_PAGES       | 0x020  | false | true  | true     | 0x100000000
        APICV_UPDATE                 | 0x321  | true  | false | true     | 0x200000000
        TLB_FLUSH_CURRENT            | 0x022  | false | true  | true     | 0x400000000
        TLB_FLUSH_GUEST              | 0x323  | true  | false | true     | 0x800000000
        APF_READY                    | 0x024  | false | true  | true     | 0x1000000000
        RECALC_INTERCEPTS            | 0x025  | false | true  | true     | 0x2000000000
        UPDATE_CPU_DIRTY_LOGGING     | 0x326  | true  | false | true     | 0x4000000000
        MMU_FREE_OBSOLETE_ROOTS      | 0x327  | true  | false | true     | 0x8000000000
        HV_TLB_FLUSH                 | 0x328  | true  | false | true     | 0x10000000000
        UPDATE_PROTECTED_GUEST_STATE | 0x22a  | true  | true  | true     | 0x40000000000
        """)
    void aRequestHasTheKernelsNumber(
            VcpuRequest request, int number, boolean waits, boolean wakes, boolean recorded, long mask) {
        assertEquals(
                List.of(number, waits, wakes, recorded, mask, number & 0xff),
                List.of(
                        request.number(),
                        request.waits(),
                        request.wakes(),
                        request.isRecorded(),
                        request.mask(),
                        request.bit()));
    }

    @Test
    void noTwoRecordedRequestsShareABit() {
        List<VcpuRequest> recorded = Arrays.stream(VcpuRequest.values())
                .filter(VcpuRequest::isRecorded)
                .toList();

        assertEquals(
                recorded.size(),
                recorded.stream()
                        .map(VcpuRequest::bit)
                        .collect(Collectors.toSet())
                        .size());
    }

    /** The kernel's order, as groups between which others may run. */
    @Test
    void requestsAreCheckedInTheOrderOfVcpuEnterGuest() {
        String expected = """
            VM_DEAD
            DIRTY_RING_SOFT_FULL
            GET_NESTED_STATE_PAGES
            MMU_FREE_OBSOLETE_ROOTS
            MIGRATE_TIMER
            MASTERCLOCK_UPDATE
            GLOBAL_CLOCK_UPDATE
            CLOCK_UPDATE
            MMU_SYNC
            LOAD_MMU_PGD
            TLB_FLUSH
            TLB_FLUSH_CURRENT
            TLB_FLUSH_GUEST
            HV_TLB_FLUSH
            REPORT_TPR_ACCESS
            TRIPLE_FAULT
            APF_HALT
            STEAL_UPDATE
            PMU
            PMI
            SMI
            NMI
            IOAPIC_EOI_EXIT
            SCAN_IOAPIC
            LOAD_EOI_EXITMAP
            APIC_PAGE_RELOAD
            HV_CRASH
            HV_RESET
            HV_EXIT
            HV_STIMER
            APICV_UPDATE
            APF_READY
            RECALC_INTERCEPTS
            UPDATE_CPU_DIRTY_LOGGING
            UPDATE_PROTECTED_GUEST_STATE
            """;

        String order = IntStream.range(0, VcpuRequestOrder.size())
                .mapToObj(position -> VcpuRequestOrder.at(Machine.plain(1), position) + "\n")
                .collect(Collectors.joining());

        assertEquals(expected, order);
    }

    @Test
    void othersMayRunBetweenTheEoiExitTheScanTheLoadAndTheApicvUpdate() {
        List<Integer> ends = Stream.of(0, 21, 22, 23, 24, 25, 29, 30, 31, 34)
                .map(VcpuRequestOrder::endOfGroup)
                .toList();

        assertEquals(List.of(22, 22, 23, 24, 25, 30, 30, 31, 35, 35), ends);
    }
}
