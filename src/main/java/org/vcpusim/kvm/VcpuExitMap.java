package org.vcpusim.kvm;

import org.vcpusim.arch.VectorBitmap;

/**
 * How a vCPU keeps its EOI-exit bitmap in step with the IOAPIC: the scan that computes the handled vectors, and the load that
 * writes them to the VMCS.
 *
 * <p>Source: {@code vcpu_scan_ioapic}, {@code vcpu_load_eoi_exitmap}, arch/x86/kvm/x86.c; {@code vmx_load_eoi_exitmap},
 * arch/x86/kvm/vmx/vmx.c.
 */
final class VcpuExitMap {
    private VcpuExitMap() {}

    /** Begins a scan: what was posted counts as pending, so that it is taken first; then asks for the redirection table. Without a local APIC that is present nothing is done. */
    static Vcpu scan(Vcpu v, Port port) {
        if (v.machine().lacksLapic(v.index())) {
            port.emit(new Event.HostCrashed(Event.HostCrash.NO_LOCAL_APIC));
            return loadSkipped(v, port);
        }
        if (!v.machine().hasLapics() && v.machine().has(Fault.SCAN_WITHOUT_PRESENCE_CHECKS)) {
            port.emit(new Event.HostCrashed(Event.HostCrash.NO_IOAPIC));
        }
        if (!v.lapic().hwEnabled()) {
            return loadSkipped(v, port);
        }
        Vcpu synced = v.machine().has(Fault.SCAN_WITHOUT_SYNC) ? v : PostedInterrupts.synced(v, port);
        port.toVm(new Vm.ReadTable(synced.index()));
        return synced.with(synced.thread().awaiting(VcpuThread.Await.TABLE));
    }

    private static Vcpu loadSkipped(Vcpu v, Port port) {
        if (v.machine().protocol() == Protocol.LOAD_EOI_EXITMAP) {
            port.emit(new Event.EoiExitmapLoadSkipped(v.index(), Event.LoadSkipped.APIC_HW_DISABLED));
        }
        return VcpuRequests.handled(v, port);
    }

    /** The table has come: the handled vectors are computed, and loaded now or by a request of its own. */
    static Vcpu tableRead(Vcpu v, Vcpu.TableRead table, Port port) {
        IoapicScan.Result result = IoapicScan.scan(v.machine(), table.table(), v.lapic());
        int sequence = table.table().sequence();
        VectorBitmap pending = v.lapic().page().irr().or(v.lapic().page().isr());
        port.emit(new Event.IoapicScanned(
                v.index(),
                result.handled(),
                sequence,
                pending.or(v.posting().descriptor().pir())));
        Vcpu scanned = v.with(v.exitMap().scanned(result));
        if (v.nested().guestMode() && !v.machine().has(Fault.NESTED_LOAD_INTO_VMCS02)) {
            port.emit(new Event.EoiExitmapLoadDeferred(v.index()));
            Vcpu deferred = scanned.with(v.nested().deferring(NestedDeferrals.Kind.LOAD_EOI_EXITMAP));
            return VcpuRequests.handled(deferred, port);
        }
        Vcpu next = v.machine().protocol() == Protocol.LOAD_EOI_EXITMAP
                ? load(scanned, port)
                : scanned.make(VcpuRequest.LOAD_EOI_EXITMAP, sequence, port);
        return VcpuRequests.handled(next, port);
    }

    /** {@code vcpu_load_eoi_exitmap}: handled vectors and SynIC vectors into EOI_EXIT_BITMAP0 to 3. */
    static Vcpu load(Vcpu v, Port port) {
        if (!v.lapic().hwEnabled()) {
            port.emit(new Event.EoiExitmapLoadSkipped(v.index(), Event.LoadSkipped.APIC_HW_DISABLED));
            return v;
        }
        if (!v.apicvActive()) {
            port.emit(new Event.EoiExitmapLoadSkipped(v.index(), Event.LoadSkipped.APICV_INACTIVE));
            return v.with(v.exitMap().with(ExitMap.LastLoad.SKIPPED));
        }
        boolean garbage = v.machine().has(Fault.UNINITIALISED_BITMAP)
                && v.exitMap().synic().isEmpty();
        VectorBitmap bitmap = garbage ? uninitialised(v) : v.exitMap().union();
        port.emit(new Event.EoiExitmapLoaded(v.index(), bitmap));
        return v.with(VmcsSetup.loaded(v.vmcs(), bitmap)).with(v.exitMap().with(ExitMap.LastLoad.WRITTEN));
    }

    /** An array on the stack that nobody has written. */
    private static VectorBitmap uninitialised(Vcpu v) {
        VectorBitmap bitmap = VectorBitmap.EMPTY;
        Garbage garbage = Garbage.of(v.machine(), v.index() * 31L + v.guest().fetches());
        for (int word = 0; word < VectorBitmap.WORDS; word++) {
            bitmap = bitmap.withWord(word, garbage.word());
            garbage = garbage.next();
        }
        return bitmap;
    }
}
