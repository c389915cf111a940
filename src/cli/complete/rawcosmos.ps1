# Completions of rawcosmos for PowerShell: it is asked itself what may follow.
Register-ArgumentCompleter -Native -CommandName rawcosmos -ScriptBlock {
    param($begun, $line, $cursor)
    $words = @($line.CommandElements | Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { "$_" })
    $program = $words[0]
    $words = @($words | Select-Object -Skip 1)
    # Where files are meant nothing is offered, and PowerShell offers files.
    & $program completions powershell '--' @words "=$begun" 2>$null | Where-Object { $_ -match '^[^\t]' } | ForEach-Object {
        $word, $text = $_ -split "`t", 2
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $(if ($text) { $text } else { $word }))
    }
}
